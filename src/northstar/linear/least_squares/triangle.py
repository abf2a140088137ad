"""Least squares by QR: stable, and honest about columns that say the same thing.

The normal equations square the condition number of the table; QR does not (Golub and Van Loan,
section 5.3). The tall table is reduced once by LAPACK's Householder QR to a small triangle, and
the rank is read off that triangle by a QR with pivoting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from northstar.linear.least_squares.householder import pivoted_qr
from northstar.linear.tables import Floats

_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Triangle:
    """All that least squares needs of a table and its target: ``‖Xb − y‖² = ‖Rb − c‖² + rest``.

    Attributes:
        factor: R, at most columns × columns.
        projected: c, the target in the coordinates of R.
        noise: (columns,); what rounding may have added to the length of each column.
    """

    factor: Floats
    projected: Floats
    noise: Floats


@dataclass(frozen=True)
class Solution:
    """Coefficients (columns,), and the rank of the table they were found from."""

    coefficients: Floats
    rank: int


def reduce_to_triangle(X: Floats, y: Floats, means: Floats) -> Triangle:
    """Reduce rows × columns to columns × columns without forming Q.

    Factorising the table with the target as one more column gives Qᵀy for free. ``means`` is what
    was taken off the columns: the further from zero a column was, the less of it is certain.
    """
    columns = X.shape[1]
    triangle: Floats = np.asarray(np.linalg.qr(np.column_stack([X, y]), mode="r"))[:columns]
    factor = triangle[:, :columns]
    before = np.hypot(np.linalg.norm(factor, axis=0), np.sqrt(len(X)) * np.abs(means))
    return Triangle(factor, triangle[:, columns], _EPSILON * max(X.shape) * before)


def solve(triangle: Triangle) -> Solution:
    """Minimise ``‖Xb − y‖²``; of many solutions, take the one of least norm.

    Columns are scaled to unit length before the rank is judged, so that units do not matter to
    it. Full rank gives the one solution; otherwise the least norm shares a weight evenly among
    columns that say the same, and gives 0 to columns of zeros.
    """
    lengths = np.linalg.norm(triangle.factor, axis=0)
    alive = lengths > triangle.noise
    scale = np.where(alive, lengths, 1.0)
    R, c = np.where(alive, triangle.factor, 0.0), triangle.projected
    qr = pivoted_qr(R / scale, c, triangle.noise / scale)
    coefficients = np.zeros(R.shape[1])
    if qr.rank == R.shape[1]:
        coefficients[qr.order] = np.linalg.solve(qr.triangle, qr.projected)
        return Solution(coefficients / scale, qr.rank)
    if qr.rank:
        wide = np.empty_like(qr.triangle)
        wide[:, qr.order] = qr.triangle
        # wide @ b = c has many solutions; the shortest is a combination of wide's own rows.
        Z, T = np.linalg.qr((wide * scale).T)
        coefficients = Z @ np.linalg.solve(T.T, qr.projected)
    return Solution(coefficients, qr.rank)


def solve_ridge(triangle: Triangle, alpha: float) -> Solution:
    """Minimise ``‖Xb − y‖² + alpha ‖b‖²`` (Hoerl and Kennard 1970), again by QR.

    The penalty is one more row ``sqrt(alpha) bⱼ ≈ 0`` for each column; the small triangle takes
    them as well as the tall table would.
    """
    columns = triangle.factor.shape[1]
    rows = np.vstack([triangle.factor, np.sqrt(alpha) * np.eye(columns)])
    padded = np.concatenate([triangle.projected, np.zeros(columns)])
    smaller = reduce_to_triangle(rows, padded, np.zeros(columns))
    return solve(Triangle(smaller.factor, smaller.projected, triangle.noise))
