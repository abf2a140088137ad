"""Northstar: squads keep their own training scripts; the company keeps one road to production."""

from northstar.errors import NorthstarError

__version__ = "0.1.0"
__all__ = ["NorthstarError", "__version__"]
