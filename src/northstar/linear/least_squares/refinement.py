"""Least squares to the last digit: normal equations with twice the digits, then their residuals.

The normal equations square the condition κ of the table, which is why nobody should solve them in
doubles. With an exact Gram matrix and 31 digits the square is affordable: the relative error is
about κ² · 10⁻³¹, so the covariance has 16 digits up to κ = 10⁷ and 11 up to κ = 10¹⁰. The
coefficients are then corrected by the residuals of the rows themselves, computed with 31 digits
too (iterative refinement; Björck 1967, *BIT* 7), which gives them 15 digits up to κ = 10¹³ and
lets the residuals of an exact fit vanish. It is right when columns nearly depend on each other but
do not; it needs all rows in memory and takes about ten times the time of QR. It fails from κ =
10¹⁴ on, and where columns do depend on each other: a pivot is then lost in rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from northstar.linear.least_squares.double_double import DoubleDouble
from northstar.linear.least_squares.exact_gram import ROWS, exact_gram
from northstar.linear.tables import Floats

_LOST = 2.0**-90
_CORRECTIONS = 6
_SETTLED = 2.0**-60


@dataclass(frozen=True, eq=False)
class Refined:
    """The answer, as good as doubles can hold it.

    Attributes:
        parameters: the intercept first if there is one, then the coefficients.
        covariance: the inverse of the (penalised) Gram matrix of the table as it came.
        residual_sum_of_squares: Σ w (y − prediction)², without a penalty.
    """

    parameters: Floats
    covariance: Floats
    residual_sum_of_squares: float


@dataclass(frozen=True, eq=False)
class _Rows:
    """A table, its target as the last column, prepared without any rounding.

    Columns are divided by powers of two. With an intercept, a column whose entries all lie within
    a factor of two of its middle has the middle taken off, which is exact (Sterbenz 1974).
    """

    X: Floats
    y: Floats
    weights: Floats | None
    intercept: bool
    shift: Floats
    scale: Floats

    @classmethod
    def of(cls, X: Floats, y: Floats, weights: Floats | None, *, intercept: bool) -> _Rows:
        low, high = np.append(X.min(axis=0), y.min()), np.append(X.max(axis=0), y.max())
        middle = low / 2 + high / 2
        near = (np.minimum(2 * low, 2 * high) <= middle) & (middle <= np.maximum(2 * low, 2 * high))
        near &= (np.abs(middle) <= 2 * np.minimum(np.abs(low), np.abs(high))) & (low * high > 0)
        shift = np.where(near & intercept, middle, 0.0)
        reach = np.maximum(np.abs(low - shift), np.abs(high - shift))
        return cls(X, y, weights, intercept, shift, np.ldexp(1.0, np.frexp(reach)[1]))

    def blocks(self) -> Iterator[tuple[Floats, Floats | None]]:
        """``[1, X, y]`` and weights, a few rows at a time."""
        for start in range(0, len(self.X), ROWS):
            rows = slice(start, start + ROWS)
            table = np.ones((len(self.X[rows]), self.intercept + len(self.shift)))
            table[:, int(self.intercept) : -1] = self.X[rows]
            table[:, -1] = self.y[rows]
            table[:, int(self.intercept) :] -= self.shift
            table[:, int(self.intercept) :] /= self.scale
            yield table, None if self.weights is None else self.weights[rows]


def refine(
    X: Floats, y: Floats, weights: Floats | None, alpha: float, *, intercept: bool
) -> Refined | None:
    """Minimise ``Σ w (y − Xb − a)² + alpha Σ b²``; ``None`` when a pivot is lost in rounding."""
    rows = _Rows.of(X, y, weights, intercept=intercept)
    penalty = np.zeros(len(rows.shift) - 1 + intercept)
    penalty[int(intercept) :] = alpha / np.square(rows.scale[:-1])
    system = exact_gram(rows.blocks(), len(penalty) + 1)
    diagonal = np.arange(len(penalty))
    system[diagonal, diagonal] = system[diagonal, diagonal] + penalty
    if not _sweep(system):
        return None
    inverse, parameters = -system[:-1, :-1], system[:-1, -1]
    for _ in range(_CORRECTIONS):
        gradient, missed = _residuals(rows, parameters)
        downhill = gradient - parameters * penalty
        correction = _column_sums(inverse * downhill[:, None])
        parameters = parameters + correction
        if np.all(np.abs(correction.high) <= _SETTLED * np.abs(parameters.high)):
            break
    system[:-1, -1] = parameters
    return _as_it_came(rows, system, missed)


def _sweep(system: DoubleDouble) -> bool:
    """Turn ``[XᵀX, Xᵀy; yᵀX, yᵀy]`` in place into ``[−(XᵀX)⁻¹, b; bᵀ, residual sum of squares]``.

    Goodnight 1979, *The American Statistician* 33: one step of Gauss and Jordan for each column.
    Answers whether every pivot kept digits.
    """
    lengths = np.diagonal(system.high).copy()
    for k in range(len(lengths) - 1):
        pivot = system[k, k]
        if not pivot.high > _LOST * lengths[k]:
            return False
        column = system[:, k]
        row = column / pivot
        swept = system - column[:, None] * row[None, :]
        system[:, :] = swept
        system[:, k], system[k, :] = row, row
        system[k, k] = DoubleDouble.of(-1.0) / pivot
    return True


def _residuals(rows: _Rows, parameters: DoubleDouble) -> tuple[DoubleDouble, float]:
    """``XᵀW(y − Xb)`` and ``Σ w (y − Xb)²``, all with twice the digits."""
    gradient, squares = DoubleDouble.of(np.zeros(len(parameters.high))), 0.0
    for table, weights in rows.blocks():
        residual = DoubleDouble.of(table[:, -1])
        for j in range(len(gradient.high)):
            residual = residual - parameters[j] * table[:, j]
        weighted = residual if weights is None else residual * weights
        gradient = gradient + _column_sums(weighted[:, None] * table[:, :-1])
        squares += float(weighted.high @ residual.high)
    return gradient, squares


def _column_sums(table: DoubleDouble) -> DoubleDouble:
    """Fold the lower half of the rows onto the upper until one is left."""
    while (rows := len(table.high)) > 1:
        upper = table[: (rows + 1) // 2]
        lower = table[(rows + 1) // 2 :]
        upper[: rows // 2] = upper[: rows // 2] + lower
        table = upper
    return table[0]


def _as_it_came(rows: _Rows, system: DoubleDouble, missed: float) -> Refined:
    """Undo the scaling, exactly, and then the shift, with twice the digits."""
    ones = np.ones(int(rows.intercept))
    scale = np.concatenate([ones, rows.scale])
    units = scale[-1] / scale
    covariance = (-system[:-1, :-1]) * (1.0 / np.outer(scale[:-1], scale[:-1]))
    parameters = system[:-1, -1] * units[:-1]
    if rows.intercept:
        parameters[0] = parameters[0] + rows.shift[-1]
        for k, middle in enumerate(rows.shift[:-1], start=1):
            parameters[0] = parameters[0] - parameters[k] * middle
            covariance[0] = covariance[0] - covariance[k] * middle
        for k, middle in enumerate(rows.shift[:-1], start=1):
            covariance[:, 0] = covariance[:, 0] - covariance[:, k] * middle
    return Refined(parameters.high, covariance.high, missed * float(scale[-1]) ** 2)
