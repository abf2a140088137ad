"""Squads' code on the platform's machine: who it runs as, what it is told, how it ends."""
