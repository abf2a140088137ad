"""The questions of inference as methods of the models that can answer them."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from northstar.linear.inference.diagnosis import Finding, diagnose
from northstar.linear.inference.summaries import Summary, summary
from northstar.linear.tables import Floats


class Explained:
    """A model with standard errors; the functions of the same names say more."""

    def summary(self, level: float = 0.95, covariance: Floats | None = None) -> Summary:
        """Coefficients with errors, p values and intervals, and how well they fit."""
        return summary(self, level, covariance)

    def diagnose(
        self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None, *, ordered: bool = False
    ) -> list[Finding]:
        """What is wrong with the fit, in words; give the rows that it learnt from."""
        return diagnose(self, X, y, sample_weight, ordered=ordered)
