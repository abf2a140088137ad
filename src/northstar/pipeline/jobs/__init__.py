"""Runs that the platform starts itself, such as a retraining."""
