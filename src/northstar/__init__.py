"""Northstar: a centralised MLOps platform. Squads keep their scripts; the company keeps one road."""

from northstar.errors import NorthstarError

__version__ = "0.1.0"
__all__ = ["NorthstarError", "__version__"]
