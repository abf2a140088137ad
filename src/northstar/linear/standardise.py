"""Centred and scaled columns, on which every solver is well-behaved, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from northstar.linear.tables import Floats

_EPSILON = float(np.finfo(np.float64).eps)
_BLOCK_NUMBERS = 2**16
_SMALLEST, _LARGEST = 1e-140, 1e140


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
        total = float(weights.sum())
        means = centre(X, weights) if intercept else np.zeros(X.shape[1])
        varied = spreads(X, weights, means)
        scales = np.hypot(varied, np.sqrt(l2 / total))
        scales[scales == 0.0] = 1.0
        matrix = np.ones((len(X), X.shape[1] + intercept))
        for rows in row_blocks(X):
            block = matrix[rows, : X.shape[1]]
            np.subtract(X[rows], means, out=block)
            block /= scales
        matrix[:, np.flatnonzero(varied == 0.0)] = 0.0
        penalties = np.append(np.square(np.sqrt(l2) / scales), np.zeros(int(intercept)))
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
    sums = np.zeros(X.shape[1])
    for rows in row_blocks(X):
        sums += weights[rows] @ (X[rows] - X[0])
    return np.asarray(X[0] + sums / weights.sum())


def spreads(X: Floats, weights: Floats, means: Floats) -> Floats:
    """(columns,); the weighted standard deviation, 0 for a column that is constant.

    What is left of a constant column after centring is rounding, not information.
    """
    squares = np.zeros(X.shape[1])
    with np.errstate(over="ignore", under="ignore"):
        for rows in row_blocks(X):
            squares += weights[rows] @ np.square(X[rows] - means)
        found = np.sqrt(squares / weights.sum())
    for j in np.flatnonzero(~((found > _SMALLEST) & (found < _LARGEST))):
        column = X[:, j] - means[j]
        if unit := float(np.abs(column).max()):  # squares that over- or underflow
            found[j] = unit * np.sqrt(weights @ np.square(column / unit) / weights.sum())
    found[found <= len(X) * _EPSILON * np.abs(means)] = 0.0
    return np.asarray(found)


def row_blocks(X: Floats) -> Iterator[slice]:
    """The rows in blocks that stay in the cache."""
    size = max(_BLOCK_NUMBERS // X.shape[1], 64)
    for start in range(0, len(X), size):
        yield slice(start, start + size)
