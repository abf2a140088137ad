"""Least squares by its inner products: all that a penalised solver needs of any number of rows.

q(b) = ½ Σ wᵢ (yᵢ − xᵢb)² = ½ bᵀGb − cᵀb + ½ square, with G = XᵀWX and c = XᵀWy.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from northstar.linear.standardise import row_blocks
from northstar.linear.tables import Floats


@dataclass(frozen=True, eq=False)
class Quadratic:
    """Least squares as a quadratic of the coefficients; see ``Smooth``.

    With at least as many rows as columns, G is formed at once. A wide table has its columns of G
    computed when a coefficient first differs from 0 ("covariance updates" in Friedman, Hastie and
    Tibshirani 2010), since most never do.

    Attributes:
        matrix: rows × columns, each row times the root of its weight; no rows where G is formed.
        projected: c, (columns,).
        diagonal: of G, (columns,).
        square: Σ wᵢ yᵢ².
        full: G, or ``None`` for a wide table.
    """

    matrix: Floats
    projected: Floats
    diagonal: Floats
    square: float
    full: Floats | None
    _columns: dict[int, Floats] = field(default_factory=dict)

    @classmethod
    def of(cls, X: Floats, y: Floats, weights: Floats, means: Floats | None = None) -> Quadratic:
        """The inner products of a table (rows × columns) less ``means`` (columns,), and values."""
        means = np.zeros(X.shape[1]) if means is None else means
        roots = np.sqrt(weights)
        if len(X) < X.shape[1]:
            matrix = (X - means) * roots[:, None]
            diagonal = np.einsum("ij,ij->j", matrix, matrix)
            projected = matrix.T @ (roots * y)
            return cls(matrix, projected, diagonal, float(weights @ np.square(y)), None)
        full, projected = np.zeros((X.shape[1], X.shape[1])), np.zeros(X.shape[1])
        for rows in row_blocks(X):
            block = X[rows] - means
            block *= roots[rows, None]
            full += block.T @ block
            projected += (roots[rows] * y[rows]) @ block
        square = float(weights @ np.square(y))
        return cls(np.zeros((0, X.shape[1])), projected, np.diagonal(full).copy(), square, full)

    def scaled(self, factors: Floats) -> Quadratic:
        """The same for columns multiplied by ``factors`` (columns,)."""
        return Quadratic(
            self.matrix * factors,
            self.projected * factors,
            self.diagonal * np.square(factors),
            self.square,
            None if self.full is None else self.full * np.outer(factors, factors),
        )

    def at(self, coefficients: Floats) -> QuadraticPlace:
        """See ``Smooth``."""
        return QuadraticPlace(self, coefficients, self.slopes(coefficients))

    def slopes(self, coefficients: Floats) -> Floats:
        """c − Gb: how much each column still has to do with the residuals."""
        if self.full is not None:
            return np.asarray(self.projected - self.full @ coefficients)
        return np.asarray(self.projected - self.matrix.T @ (self.matrix @ coefficients))

    def column(self, j: int) -> Floats:
        """Column j of G."""
        if self.full is not None:
            return np.asarray(self.full[j])
        if j not in self._columns:
            self._columns[j] = self.matrix.T @ self.matrix[:, j]
        return self._columns[j]

    def block(self, support: NDArray[np.intp]) -> Floats:
        """G restricted to some columns."""
        if self.full is not None:
            return np.asarray(self.full[np.ix_(support, support)])
        return np.array([self.column(j)[support] for j in support.tolist()])


@dataclass(frozen=True, eq=False)
class QuadraticPlace:
    """A quadratic at one vector of coefficients; see ``Place``."""

    quadratic: Quadratic
    coefficients: Floats
    slopes: Floats

    @property
    def value(self) -> float:
        """q(b)."""
        of = self.quadratic
        return 0.5 * (of.square - float(self.coefficients @ (of.projected + self.slopes)))

    @property
    def gradient(self) -> Floats:
        """Gb − c."""
        return -self.slopes
