"""The errors of the linear models; they stand alone, since this package imports nothing of ours.

ValueError ── BadInput    a table, target, weight or model file that cannot be used
RuntimeError ── NotFitted a model was asked before it had learnt
"""

from __future__ import annotations


class BadInput(ValueError):
    """A table, target, weight or model file cannot be used; the message says which and why."""


class NotFitted(RuntimeError):
    """The model was asked for a prediction before ``fit``."""


class NotConverged(UserWarning):
    """The solver stopped at its limit of steps; the coefficients are the best it had."""
