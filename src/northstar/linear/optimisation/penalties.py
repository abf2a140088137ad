"""Penalties as small objects: what coefficients cost, and the proximal step that pays for them.

A strength is one number for all coefficients, or one for each: (columns,), 0 for a coefficient
that is free, such as the intercept. Sources: Tibshirani 1996 (*JRSS B* 58) for the lasso, Zou and
Hastie 2005 (*JRSS B* 67) for the elastic net, Parikh and Boyd 2014, section 6.5, for the steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from northstar.linear.tables import Floats


class Penalty(Protocol):
    """A convex cost of the coefficients, kinks allowed."""

    def value(self, coefficients: Floats) -> float:
        """What they cost together."""
        ...

    def proximal(self, coefficients: Floats, step: float) -> Floats:
        """``argmin_b penalty(b) + ‖b − coefficients‖² / (2 step)``; step > 0."""
        ...


@dataclass(frozen=True, eq=False)
class L1Penalty:
    """``Σ strength |b|``: coefficients that are not worth it become exactly 0."""

    strength: float | Floats

    def value(self, coefficients: Floats) -> float:
        """See ``Penalty``."""
        return float(np.sum(self.strength * np.abs(coefficients)))

    def proximal(self, coefficients: Floats, step: float) -> Floats:
        """See ``Penalty``: soft thresholding."""
        return soft_threshold(coefficients, step * self.strength)


@dataclass(frozen=True, eq=False)
class L2Penalty:
    """``½ Σ strength b²``: coefficients shrink, and related columns share their weight."""

    strength: float | Floats

    def value(self, coefficients: Floats) -> float:
        """See ``Penalty``."""
        return 0.5 * float(np.sum(self.strength * np.square(coefficients)))

    def proximal(self, coefficients: Floats, step: float) -> Floats:
        """See ``Penalty``: a shorter vector."""
        return np.asarray(coefficients / (1.0 + step * self.strength))


@dataclass(frozen=True, eq=False)
class ElasticNetPenalty:
    """``Σ l1 |b| + ½ l2 b²``: zeros as with L1, and groups of related columns as with L2."""

    l1: float | Floats
    l2: float | Floats

    def value(self, coefficients: Floats) -> float:
        """See ``Penalty``."""
        return L1Penalty(self.l1).value(coefficients) + L2Penalty(self.l2).value(coefficients)

    def proximal(self, coefficients: Floats, step: float) -> Floats:
        """See ``Penalty``: threshold, then shrink."""
        return L2Penalty(self.l2).proximal(soft_threshold(coefficients, step * self.l1), step)


def soft_threshold(values: Floats, by: float | Floats) -> Floats:
    """Move values towards 0 by ``by``, and stop there."""
    return np.asarray(np.sign(values) * np.maximum(np.abs(values) - by, 0.0))
