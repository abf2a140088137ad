"""Signing in with an account of one's organisation, by OpenID Connect."""
