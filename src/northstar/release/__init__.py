"""Releases: a version's way into an environment, and back out of it."""
