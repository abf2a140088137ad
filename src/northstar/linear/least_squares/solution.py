"""What a solver answers, and how much of a column is rounding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from northstar.linear.least_squares.triangle import Triangle
from northstar.linear.tables import Floats

_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Solution:
    """What a table, less the means of its columns when there is an intercept, answers.

    Attributes:
        coefficients: (columns,).
        covariance: columns × columns; what the variance of the noise is multiplied by to give the
            coefficients' covariance: (XᵀX)⁻¹, or its pseudo-inverse.
        rank: how many columns are independent.
        condition: of the columns scaled to unit length; infinite when some depend on others.
    """

    coefficients: Floats
    covariance: Floats
    rank: int
    condition: float


def rounding(triangle: Triangle) -> Floats:
    """(columns,); what rounding may have added to the length of each column less its mean.

    The further a column is from zero, the less of what is left of it is certain.
    """
    R, _ = triangle.centred
    before = np.hypot(np.linalg.norm(R, axis=0), np.sqrt(triangle.weight) * np.abs(triangle.means))
    roundings = 4.0 * max(R.shape[1], np.sqrt(triangle.rows))
    return np.asarray(_EPSILON * roundings * before)
