"""Squads, their projects, and ``northstar.yaml``."""
