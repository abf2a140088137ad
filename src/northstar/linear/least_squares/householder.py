"""QR factorisation by Householder reflections with column pivoting: a matrix, and its rank.

Golub and Van Loan, *Matrix Computations*, 4th edition, algorithms 5.1.1 and 5.4.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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


def pivoted_qr(matrix: Floats, right: Floats, tolerances: Floats) -> PivotedQR:
    """Factorise a matrix (rows × columns) and carry a right-hand side (rows,) along.

    A column counts as dependent when its part orthogonal to the columns already taken is not
    longer than its entry of ``tolerances`` (columns,). Norms are computed anew at every step: it
    costs little for the small matrices that come here, and the usual downdating loses digits.
    """
    work, carried, limits = matrix.copy(), right.copy(), tolerances.copy()
    order = np.arange(work.shape[1])
    rank = 0
    for k in range(min(work.shape)):
        lengths = np.linalg.norm(work[k:, k:], axis=0)
        lengths[lengths <= limits[k:]] = 0.0
        pivot = k + int(np.argmax(lengths))
        if not lengths[pivot - k]:
            break
        for array in (work, order, limits):
            array[..., [k, pivot]] = array[..., [pivot, k]]
        normal = _reflection_normal(work[k:, k])
        work[k:, k:] -= 2.0 * np.outer(normal, normal @ work[k:, k:])
        carried[k:] -= 2.0 * normal * (normal @ carried[k:])
        rank = k + 1
    return PivotedQR(np.triu(work[:rank]), carried[:rank], order)


def _reflection_normal(column: Floats) -> Floats:
    """The unit normal of the mirror that maps a column onto a multiple of the first axis.

    The sign is chosen away from the column, so that nothing cancels.
    """
    normal: Floats = column.copy()
    normal[0] += np.copysign(np.linalg.norm(column), column[0])
    return normal / np.linalg.norm(normal)
