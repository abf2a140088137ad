"""What is minimised: the weighted loss of a linear score, plus a penalty on its parameters.

f(θ) = Σᵢ wᵢ loss(xᵢθ, yᵢ) + ½ Σⱼ penaltyⱼ θⱼ²
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from northstar.linear.optimisation.losses import Bend, Loss
from northstar.linear.tables import Floats

_BLOCK_ROWS = 4096


@dataclass(frozen=True, eq=False)
class Objective:
    """A convex function of θ, shape (columns,) or, for softmax, (columns, classes).

    Attributes:
        matrix: rows × columns, with a column of ones where there is an intercept.
        y: in the form that the loss wants.
        weights: (rows,), not negative.
        penalties: (columns,), not negative; the same for all classes.
    """

    matrix: Floats
    y: NDArray[Any]
    loss: Loss
    weights: Floats
    penalties: Floats

    def value(self, parameters: Floats) -> float:
        """f(θ)."""
        losses = self.loss.values(self.matrix @ parameters, self.y)
        penalty = self.penalties @ np.square(parameters)
        return float(self.weights @ losses + 0.5 * np.sum(penalty))

    def gradient(self, parameters: Floats) -> Floats:
        """The first derivative, in the shape of θ."""
        slopes = self.loss.slopes(self.matrix @ parameters, self.y)
        gradient: Floats = self.matrix.T @ _by_row(self.weights, slopes)
        return gradient + _by_row(self.penalties, parameters)

    def hessian(self, parameters: Floats) -> Floats:
        """The second derivative, columns × columns, of an objective with one output."""
        scores = self.matrix @ parameters
        curvatures = self.weights * self.loss.bend(scores)(np.ones_like(scores))
        return gram(self.matrix, curvatures) + np.diag(self.penalties)

    def bend(self, parameters: Floats) -> Bend:
        """The second derivative without forming it: a map from directions, in the shape of θ."""
        of_scores = self.loss.bend(self.matrix @ parameters)

        def apply(direction: Floats) -> Floats:
            bent = _by_row(self.weights, of_scores(self.matrix @ direction))
            product: Floats = self.matrix.T @ bent
            return product + _by_row(self.penalties, direction)

        return apply


def gram(matrix: Floats, weights: Floats) -> Floats:
    """``matrixᵀ diag(weights) matrix`` for weights ≥ 0, in blocks that stay in the cache."""
    total = np.zeros((matrix.shape[1], matrix.shape[1]))
    roots = np.sqrt(weights)
    for start in range(0, len(matrix), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        block = matrix[rows] * roots[rows, None]
        total += block.T @ block
    return total


def _by_row(factors: Floats, values: Floats) -> Floats:
    return values * (factors if values.ndim == 1 else factors[:, None])
