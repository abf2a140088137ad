"""Centred and scaled columns, on which every solver is well-behaved, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from northstar.linear.tables import Floats

_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Standardised:
    """A table whose columns bend the objective alike, and how to undo it.

    Columns are centred and divided by the root of their variance (and what the penalty adds to
    it). With an intercept, the last column is ones, and the penalty spares it. Standardising
    changes nothing in the answer, the penalty included: it stays one on the coefficients in the
    units of the table. It changes how fast and how exactly a solver gets there.

    Attributes:
        matrix: rows × (columns, and one for the intercept).
        means: (columns,); zeros without an intercept, since then 0 is where the line must pass.
        scales: (columns,); 1 for a constant column, whose centred values are all 0.
        penalties: the penalty on each column of ``matrix``.
    """

    matrix: Floats
    means: Floats
    scales: Floats
    penalties: Floats

    @classmethod
    def of(cls, X: Floats, weights: Floats, l2: float, *, intercept: bool) -> Standardised:
        """Standardise a table, rows counting by weight, for a penalty ``½ l2 Σ bⱼ²``."""
        means = centre(X, weights) if intercept else np.zeros(X.shape[1])
        matrix = np.ones((len(X), X.shape[1] + intercept))
        columns = matrix[:, : X.shape[1]]
        np.subtract(X, means, out=columns)
        total = weights.sum()
        spreads = np.sqrt(np.einsum("ij,ij,i->j", columns, columns, weights) / total)
        # What is left of a constant column is rounding, not information.
        columns[:, spreads <= len(X) * _EPSILON * np.abs(means)] = 0.0
        scales = np.sqrt(np.square(spreads) + l2 / total)
        scales[scales == 0.0] = 1.0
        columns /= scales
        penalties = np.append(l2 / np.square(scales), np.zeros(int(intercept)))
        return cls(matrix, means, scales, penalties)

    @property
    def intercept(self) -> bool:
        """Whether the last column is the intercept's."""
        return bool(self.matrix.shape[1] > len(self.scales))

    def coefficients(self, parameters: Floats) -> tuple[Floats, Floats]:
        """From parameters (columns[, outputs]) to coefficients and intercept for the raw table."""
        count = len(self.scales)
        slopes = (parameters[:count].T / self.scales).T
        start = parameters[count] if self.intercept else np.zeros(parameters.shape[1:])
        return slopes, np.asarray(start - self.means @ slopes)


def centre(X: Floats, weights: Floats) -> Floats:
    """The weighted mean of each column."""
    # Around the first row: a column far from zero keeps its digits.
    means: Floats = X[0] + (weights @ (X - X[0])) / weights.sum()
    return means
