"""The shortest of all least-squares solutions, by the singular values of the triangle.

Golub and Van Loan, *Matrix Computations*, 4th edition, section 5.5. The singular values tell what
a table can and cannot answer: how many of its columns are independent, and how much larger a
relative error in it comes out in the coefficients. It is right for every table, dependent columns
and more columns than rows included. It costs ten times a QR, but of the small triangle only. It
fails, and says so by the rank, where the information in a direction is shorter than the rounding
of the columns that make it up: that direction then gets no weight at all.
"""

from __future__ import annotations

import numpy as np

from northstar.linear.least_squares.solution import Solution, rounding
from northstar.linear.least_squares.triangle import Triangle


def solve_by_svd(triangle: Triangle) -> Solution:
    """Minimise over the coefficients; of many solutions, take the one of least norm.

    Columns are scaled to unit length before the rank is judged, so that units do not matter to
    it; the norm is measured in the units of the table. Columns that say the same share a weight
    evenly; a constant column gets 0 when there is an intercept.
    """
    R, c = triangle.centred
    columns = R.shape[1]
    noise, lengths = rounding(triangle), np.linalg.norm(R, axis=0)
    scale = np.where(lengths > noise, lengths, np.inf)
    left, sizes, right = np.linalg.svd(R / scale, full_matrices=False)
    # A direction is as uncertain as the columns that it is made of.
    uncertain = np.sqrt(np.square(right) @ np.square(noise / scale))
    rank = int(np.count_nonzero(sizes > uncertain))
    if rank == 0:
        return Solution(np.zeros(columns), np.zeros((columns, columns)), 0, np.inf)
    along = left[:, :rank].T @ c
    if rank == columns:
        spread = (right.T / sizes) / scale[:, None]
        condition = float(sizes[0] / sizes[-1])
        return Solution(spread @ along, spread @ spread.T, rank, condition)
    # kept @ b = along has many solutions; the shortest is a combination of the rows of kept.
    kept = sizes[:rank, None] * right[:rank] * np.where(np.isfinite(scale), scale, 0.0)
    basis, factor = np.linalg.qr(kept.T)
    spread = np.asarray(np.linalg.solve(factor, basis.T)).T
    return Solution(spread @ along, spread @ spread.T, rank, np.inf)
