"""The small triangle that holds all that least squares needs of any number of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from northstar.linear.errors import BadInput
from northstar.linear.least_squares.tsqr import block_rows, reduce_by_qr, triangle_of
from northstar.linear.tables import Floats

Reduction = Callable[[Iterable[Floats]], Floats]


@dataclass(frozen=True, eq=False)
class Triangle:
    """Rows of a table and its target, reduced by QR: ``Σ w (y − Xb)² = ‖Rb − c‖² + rest``.

    The rows that are reduced are ``sqrt(w) · [1, X − shift, y − target_shift]``; the column of
    ones is there when there is an intercept. The shift, taken from the first rows, lets columns
    far from zero keep their digits; what it leaves of the means the column of ones takes out.
    Triangles of different rows merge into the triangle of all of them.

    Attributes:
        augmented: R with the target as its last column, upper triangular, at most
            (parameters + 1)².
        shift: (columns,); zeros without an intercept, since then 0 is where the line must pass.
        target_shift: the same for the target.
        intercept: whether the first column of R is the intercept's.
        rows: how many had a weight above 0.
        weight: the sum of the weights.
        reduction: how the rows were reduced: ``"qr"``, ``"cholesky"``, ``"householder"``, or
            several of them joined by "and" after a merge.
    """

    augmented: Floats
    shift: Floats
    target_shift: float
    intercept: bool
    rows: int
    weight: float
    reduction: str = "qr"

    @classmethod
    def of(
        cls,
        X: Floats,
        y: Floats,
        weights: Floats | None = None,
        *,
        intercept: bool = True,
        reduce: Reduction = reduce_by_qr,
        reduction: str = "qr",
    ) -> Triangle:
        """Reduce a table (rows × columns), target (rows,) and weights (rows,), ones if ``None``."""
        shift, target_shift = np.zeros(X.shape[1]), 0.0
        if intercept:
            first = slice(0, block_rows(X.shape[1] + 2))
            shift = np.average(X[first], axis=0, weights=_of(weights, first))
            target_shift = float(np.average(y[first], weights=_of(weights, first)))
        blocks = _blocks(X, y, weights, shift, target_shift, intercept)
        return cls(
            reduce(blocks),
            shift,
            target_shift,
            intercept,
            len(X) if weights is None else int(np.count_nonzero(weights)),
            float(len(X)) if weights is None else float(weights.sum()),
            reduction,
        )

    @property
    def parameters(self) -> int:
        """Columns, and one for the intercept."""
        return len(self.shift) + self.intercept

    @property
    def factor(self) -> Floats:
        """R, parameters × parameters (rows of zeros when there were fewer rows)."""
        return self._square()[:, :-1]

    @property
    def projected(self) -> Floats:
        """c = Qᵀy, (parameters,)."""
        return self._square()[:, -1]

    @property
    def residual_sum_of_squares(self) -> float:
        """What no coefficients can explain."""
        return float(np.sum(np.square(self.augmented[self.parameters :, -1])))

    @property
    def total_sum_of_squares(self) -> float:
        """Of the target, about its weighted mean with an intercept, about 0 without."""
        return float(np.sum(np.square(self.augmented[int(self.intercept) :, -1])))

    @property
    def means(self) -> Floats:
        """The weighted mean of each column (columns,); zeros without an intercept."""
        if not self.intercept:
            return self.shift
        return np.asarray(self.shift + self.augmented[0, 1:-1] / self.augmented[0, 0])

    @property
    def target_mean(self) -> float:
        """The weighted mean of the target; 0 without an intercept."""
        if not self.intercept:
            return 0.0
        return self.target_shift + float(self.augmented[0, -1] / self.augmented[0, 0])

    @property
    def centred(self) -> tuple[Floats, Floats]:
        """R and c of the table less its means: at most columns × columns, and as many."""
        rows = self.augmented[int(self.intercept) : self.parameters]
        return rows[:, int(self.intercept) : -1], rows[:, -1]

    def squares_at(self, coefficients: Floats, constant: float | None = None) -> float:
        """Σ w (y − Xb − a)², a being the best there is for these coefficients if ``None``."""
        R, c = self.centred
        missed = float(np.sum(np.square(R @ coefficients - c)))
        if self.intercept and constant is not None:
            apart = constant + float(self.means @ coefficients) - self.target_mean
            missed += self.weight * apart**2
        return self.residual_sum_of_squares + missed

    def merge(self, other: Triangle) -> Triangle:
        """The triangle of the rows of both; exact up to rounding, in either order.

        Raises:
            BadInput: they are of different columns, or only one has an intercept.
        """
        if (self.parameters, self.intercept) != (other.parameters, other.intercept):
            raise BadInput("Only fits of the same columns, with the same fit_intercept, merge.")
        stacked = np.vstack([self.augmented, other._moved(self.shift, self.target_shift)])
        return Triangle(
            triangle_of(stacked),
            self.shift,
            self.target_shift,
            self.intercept,
            self.rows + other.rows,
            self.weight + other.weight,
            " and ".join(sorted({*self.reduction.split(" and "), *other.reduction.split(" and ")})),
        )

    def penalised(self, alpha: float) -> Triangle:
        """With one more row ``sqrt(alpha) bⱼ ≈ 0`` for each column, the intercept free."""
        rows = np.zeros((len(self.shift), self.augmented.shape[1]))
        rows[:, int(self.intercept) : -1] = np.sqrt(alpha) * np.eye(len(self.shift))
        return replace(self, augmented=triangle_of(np.vstack([self.augmented, rows])))

    def _moved(self, shift: Floats, target_shift: float) -> Floats:
        """``augmented`` for another shift: multiples of the ones are added to each column.

        Only the first row of R has an entry in the column of ones, so only that row changes.
        """
        if not self.intercept:
            return self.augmented
        moved = self.augmented.copy()
        by = np.append(self.shift - shift, self.target_shift - target_shift)
        moved[0, 1:] += moved[0, 0] * by
        return moved

    def _square(self) -> Floats:
        square = np.zeros((self.parameters, self.parameters + 1))
        rows = self.augmented[: self.parameters]
        square[: len(rows)] = rows
        return square


def _of(weights: Floats | None, rows: slice) -> Floats | None:
    """The weights of some rows, unless none of them counts."""
    return None if weights is None or not weights[rows].any() else weights[rows]


def _blocks(
    X: Floats,
    y: Floats,
    weights: Floats | None,
    shift: Floats,
    target_shift: float,
    intercept: bool,
) -> Iterator[Floats]:
    """The rows to reduce, in blocks that stay in the cache; a block is overwritten by the next."""
    columns = X.shape[1] + 1 + intercept
    size = block_rows(columns)
    space = np.ones((min(size, len(X)), columns))
    for start in range(0, len(X), size):
        rows = slice(start, start + size)
        block = space[: len(X[rows])]
        block[:, : int(intercept)] = 1.0
        np.subtract(X[rows], shift, out=block[:, int(intercept) : -1])
        np.subtract(y[rows], target_shift, out=block[:, -1])
        if weights is not None:
            block *= np.sqrt(weights[rows])[:, None]
        yield block
