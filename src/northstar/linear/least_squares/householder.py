"""QR factorisation by Householder reflections, ours from the first line: the path to learn from.

A reflection turns one column onto an axis and keeps all lengths and angles, so nothing that least
squares asks of a table is lost (Golub and Van Loan, *Matrix Computations*, 4th edition, algorithms
5.1.1 and 5.4.1). With column pivoting it finds the rank. It is right wherever LAPACK's QR is, and
is tested against it; written in Python, it takes some ten times as long. Pivoting can be
deceived about the rank by tables made for that purpose (Kahan's); the singular values cannot.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from northstar.linear.least_squares.solution import Solution, rounding
from northstar.linear.least_squares.triangle import Triangle
from northstar.linear.tables import Floats


@dataclass(frozen=True)
class PivotedQR:
    """``matrix[:, order] = Q @ triangle``, where only what is needed of Q is kept.

    Attributes:
        triangle: upper trapezoidal, rank × columns; the rows below are zero within tolerance.
        projected: the first rank entries of Qᵀ times the right-hand side.
        order: the columns of the matrix in the order in which they were taken, the one that adds
            most to those before it first.
    """

    triangle: Floats
    projected: Floats
    order: NDArray[np.intp]

    @property
    def rank(self) -> int:
        """How many columns are linearly independent within the tolerance."""
        return len(self.triangle)


def reduce_by_householder(blocks: Iterable[Floats]) -> Floats:
    """R of all blocks' rows; each block is reflected together with the triangle so far."""
    triangle = np.zeros((0, 0))
    for block in blocks:
        work = np.vstack([triangle, block]) if triangle.size else block.copy()
        for k in range(min(work.shape)):
            if work[k:, k].any():
                _reflect(work[k:, k:], _reflection_normal(work[k:, k]))
        triangle = np.triu(work[: work.shape[1]])
    return triangle


def solve_by_householder(triangle: Triangle) -> Solution:
    """Minimise over the coefficients; of many solutions, take the one of least norm.

    The condition is estimated by the pivots, which rarely miss it by more than ten times.
    """
    R, c = triangle.centred
    columns = R.shape[1]
    noise, lengths = rounding(triangle), np.linalg.norm(R, axis=0)
    alive = lengths > noise
    scale = np.where(alive, lengths, 1.0)
    qr = pivoted_qr(np.where(alive, R, 0.0) / scale, c, noise / scale)
    if qr.rank == 0:
        return Solution(np.zeros(columns), np.zeros((columns, columns)), 0, np.inf)
    spread = np.zeros((columns, qr.rank))
    if qr.rank == columns:
        spread[qr.order] = np.linalg.solve(qr.triangle, np.eye(columns))
        spread /= scale[:, None]
        pivots = np.abs(np.diagonal(qr.triangle))
        condition = float(pivots[0] / pivots[-1])
    else:
        wide = np.empty_like(qr.triangle)
        wide[:, qr.order] = qr.triangle
        # wide @ b = c has many solutions; the shortest is a combination of wide's own rows.
        basis, factor = np.linalg.qr((wide * scale).T)
        spread = np.asarray(np.linalg.solve(factor, basis.T)).T
        condition = np.inf
    return Solution(spread @ qr.projected, spread @ spread.T, qr.rank, condition)


def pivoted_qr(matrix: Floats, right: Floats, tolerances: Floats) -> PivotedQR:
    """Factorise a matrix (rows × columns) and carry a right-hand side (rows,) along.

    A column counts as dependent when its part orthogonal to the columns already taken is not
    longer than its entry of ``tolerances`` (columns,). Norms are computed anew at every step: it
    costs little for the small matrices that come here, and the usual downdating loses digits.
    """
    work, limits = np.column_stack([matrix, right]), tolerances.copy()
    columns = matrix.shape[1]
    order = np.arange(columns)
    rank = 0
    for k in range(min(matrix.shape)):
        lengths = np.linalg.norm(work[k:, k:columns], axis=0)
        lengths[lengths <= limits[k:]] = 0.0
        pivot = k + int(np.argmax(lengths))
        if not lengths[pivot - k]:
            break
        for array in (work, order, limits):
            array[..., [k, pivot]] = array[..., [pivot, k]]
        _reflect(work[k:, k:], _reflection_normal(work[k:, k]))
        rank = k + 1
    return PivotedQR(np.triu(work[:rank, :columns]), work[:rank, columns], order)


def _reflect(work: Floats, normal: Floats) -> None:
    """Mirror the columns of ``work`` in place."""
    work -= 2.0 * np.outer(normal, normal @ work)


def _reflection_normal(column: Floats) -> Floats:
    """The unit normal of the mirror that maps a column onto a multiple of the first axis.

    The sign is chosen away from the column, so that nothing cancels.
    """
    normal: Floats = column.copy()
    normal[0] += np.copysign(np.linalg.norm(column), column[0])
    return normal / np.linalg.norm(normal)
