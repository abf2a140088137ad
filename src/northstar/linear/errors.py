"""The errors of the linear models; they stand alone, since this package imports nothing of ours.

ValueError ── BadInput     a table, target, weight, setting or model file that cannot be used
ValueError and AttributeError ── NotFitted    a model was asked before it had learnt
"""

from __future__ import annotations


class BadInput(ValueError):
    """A table, target, weight, setting or model file cannot be used; says which and why."""


class NotFitted(ValueError, AttributeError):
    """The model was asked for what it only has after ``fit``.

    It is what scikit-learn's ``NotFittedError`` is, so that ``hasattr`` finds nothing either.
    """


class NotConverged(UserWarning):
    """The solver stopped before it was satisfied; the coefficients are the best it had."""
