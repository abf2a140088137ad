"""What is minimised: the weighted loss of a linear score, plus a penalty on its parameters.

f(θ) = Σᵢ wᵢ loss(xᵢθ, yᵢ) + ½ Σⱼ penaltyⱼ θⱼ²
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from northstar.linear.optimisation.losses import Bend, Loss
from northstar.linear.standardise import row_blocks
from northstar.linear.tables import Floats


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

    def at(self, parameters: Floats) -> ObjectivePlace:
        """Look at f from θ: the scores are computed once for all that is asked there."""
        return ObjectivePlace(self, parameters, self.matrix @ parameters)

    def value(self, parameters: Floats) -> float:
        """f(θ)."""
        return self.at(parameters).value

    def gradient(self, parameters: Floats) -> Floats:
        """The first derivative, in the shape of θ."""
        return self.at(parameters).gradient

    def hessian(self, parameters: Floats) -> Floats:
        """The second derivative, columns × columns, of an objective with one output."""
        return self.at(parameters).hessian()

    def bend(self, parameters: Floats) -> Bend:
        """The second derivative without forming it: a map from directions, in the shape of θ."""
        return self.at(parameters).bend()

    def of_rows(self, rows: NDArray[np.intp] | slice) -> Objective:
        """The same of some rows only, with as much of the penalty as they have of the weight."""
        weights = self.weights[rows]
        share = float(weights.sum()) / float(self.weights.sum())
        return replace(
            self,
            matrix=self.matrix[rows],
            y=self.y[rows],
            weights=weights,
            penalties=share * self.penalties,
        )


@dataclass(frozen=True, eq=False)
class ObjectivePlace:
    """An objective at one θ; see ``Place`` and ``CurvedPlace``."""

    objective: Objective
    parameters: Floats
    scores: Floats

    @cached_property
    def value(self) -> float:
        """f(θ)."""
        of = self.objective
        losses = of.loss.values(self.scores, of.y)
        penalty = of.penalties @ np.square(self.parameters)
        return float(of.weights @ losses + 0.5 * np.sum(penalty))

    @cached_property
    def gradient(self) -> Floats:
        """The first derivative, in the shape of θ."""
        of = self.objective
        slopes = of.loss.slopes(self.scores, of.y)
        gradient: Floats = of.matrix.T @ _by_row(of.weights, slopes)
        return gradient + _by_row(of.penalties, self.parameters)

    def hessian(self) -> Floats:
        """The second derivative, columns × columns, of an objective with one output."""
        of = self.objective
        curvatures = of.loss.bend(self.scores, of.y)(of.weights)
        return gram(of.matrix, curvatures) + np.diag(of.penalties)

    def bend(self) -> Bend:
        """The second derivative without forming it."""
        of = self.objective
        of_scores = of.loss.bend(self.scores, of.y)

        def apply(direction: Floats) -> Floats:
            bent = _by_row(of.weights, of_scores(of.matrix @ direction))
            product: Floats = of.matrix.T @ bent
            return product + _by_row(of.penalties, direction)

        return apply

    def reach(self, direction: Floats) -> float:
        """The largest change of a score along a direction."""
        return float(np.abs(self.objective.matrix @ direction).max())


def gram(matrix: Floats, weights: Floats) -> Floats:
    """``matrixᵀ diag(weights) matrix`` for weights ≥ 0, in blocks that stay in the cache."""
    total = np.zeros((matrix.shape[1], matrix.shape[1]))
    roots = np.sqrt(weights)
    for rows in row_blocks(matrix):
        block = matrix[rows] * roots[rows, None]
        total += block.T @ block
    return total


def _by_row(factors: Floats, values: Floats) -> Floats:
    return values * (factors if values.ndim == 1 else factors[:, None])
