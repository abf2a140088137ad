"""The shortest of all least-squares solutions, by the singular values of the triangle.

Golub and Van Loan, *Matrix Computations*, 4th edition, section 5.5. The singular values tell what
a table can and cannot answer: how many of its columns are independent, and how far an error in it
is amplified. It is right for every table, dependent columns and more columns than rows included.
It costs ten times a QR, but of the small triangle only. It fails where a direction's
information is shorter than the rounding of the columns in it: such a direction gets no weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from northstar.linear.least_squares.triangle import Triangle
from northstar.linear.tables import Floats

_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Solution:
    """What a centred table answers.

    Attributes:
        coefficients: (columns,).
        covariance: columns × columns; what the noise of the target is multiplied by to give the
            coefficients' covariance: (XᵀX)⁻¹, or its pseudo-inverse.
        rank: how many columns are independent.
        condition: of the columns scaled to unit length; infinite when some depend on others.
    """

    coefficients: Floats
    covariance: Floats
    rank: int
    condition: float


def solve(triangle: Triangle) -> Solution:
    """Minimise over the coefficients; of many solutions, take the one of least norm.

    Columns are scaled to unit length before the rank is judged, so that units do not matter to
    it; length is measured in the units of the table. Columns that say the same share a weight
    evenly; a constant column gets 0 when there is an intercept.
    """
    R, c = triangle.centred
    noise = rounding(triangle)
    lengths = np.linalg.norm(R, axis=0)
    scale = np.where(lengths > noise, lengths, np.inf)
    left, sizes, right = np.linalg.svd(R / scale, full_matrices=False)
    # A direction is uncertain by the rounding of the columns that it is made of.
    uncertain = np.sqrt(np.square(right) @ np.square(noise / scale))
    rank = int(np.count_nonzero(sizes > uncertain))
    if rank == R.shape[1]:
        spread = (right.T / sizes) / scale[:, None]
        coefficients: Floats = np.asarray(np.linalg.solve(R, c), dtype=np.float64)
        return Solution(coefficients, spread @ spread.T, rank, float(sizes[0] / sizes[-1]))
    if rank == 0:
        nothing = np.zeros(R.shape[1])
        return Solution(nothing, np.zeros((R.shape[1], R.shape[1])), 0, np.inf)
    finite = np.where(np.isfinite(scale), scale, 0.0)
    kept = sizes[:rank, None] * right[:rank] * finite
    # kept @ b = leftᵀ c has many solutions; the shortest is a combination of the rows of kept.
    Z, T = np.linalg.qr(kept.T)
    spread = np.linalg.solve(T, Z.T).T
    return Solution(spread @ (left[:, :rank].T @ c), spread @ spread.T, rank, np.inf)


def rounding(triangle: Triangle) -> Floats:
    """(columns,); what rounding may have added to the length of each centred column.

    The further a column is from zero, the less of what is left of it is certain.
    """
    R, _ = triangle.centred
    before = np.hypot(np.linalg.norm(R, axis=0), np.sqrt(triangle.weight) * np.abs(triangle.means))
    roundings = 4.0 * max(R.shape[1], np.sqrt(triangle.rows))
    return np.asarray(_EPSILON * roundings * before)
