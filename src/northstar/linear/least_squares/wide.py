"""A ridge on more columns than rows, in the space of the rows.

The best coefficients are a combination of the rows: what is orthogonal to all of them costs penalty
and explains nothing (the representer theorem; Hastie, Tibshirani and Friedman, *The Elements of
Statistical Learning*, section 18.3.5). So the table is rotated, ``R = (Q L)ᵀ`` with as many columns
in Q as there are rows, and the small problem is solved there. Time grows with columns · rows²
instead of columns³; only the covariance, columns × columns by its nature, takes more.
"""

from __future__ import annotations

import numpy as np

from northstar.linear.least_squares.solution import Solution
from northstar.linear.least_squares.triangle import Triangle


def solve_wide_ridge(triangle: Triangle, alpha: float) -> Solution:
    """Minimise ``‖Rb − c‖² + alpha ‖b‖²``, ``alpha`` > 0, for R with fewer rows than columns.

    The condition is that of the penalised table in the columns' own units, as the penalty is.
    """
    R, c = triangle.centred
    basis, factor = np.linalg.qr(R.T)
    left, sizes, right = np.linalg.svd(factor.T)
    axes = basis @ right.T
    squares = np.square(sizes) + alpha
    coefficients = axes @ (sizes / squares * (left.T @ c))
    # Along the rows' own axes 1 / (s² + alpha), across them 1 / alpha.
    covariance = (axes * (1.0 / squares - 1.0 / alpha)) @ axes.T
    covariance[np.diag_indices_from(covariance)] += 1.0 / alpha
    condition = float(np.sqrt(squares[0] / alpha))
    return Solution(coefficients, covariance, R.shape[1], condition)
