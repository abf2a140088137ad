"""Huber's loss with a scale that is estimated along with the coefficients.

f(θ, σ) = Σ wᵢ (σ + σ ρ((yᵢ − xᵢθ)/σ)) + Σ penaltyⱼ θⱼ², with ρ(z) = z² up to ε and 2ε|z| − ε²
beyond: jointly convex (Owen 2007, "A robust hybrid of lasso and ridge regression", section 3; after
Huber 1981, *Robust Statistics*, section 7.7).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from northstar.linear.optimisation.losses import Bend
from northstar.linear.optimisation.objective import gram
from northstar.linear.tables import Floats


@dataclass(frozen=True, eq=False)
class ConcomitantHuber:
    """f as a function of (columns + 1,): the coefficients and, last, σ; see ``Curved``.

    Attributes:
        matrix: rows × columns, with a column of ones where there is an intercept.
        y: (rows,).
        weights: (rows,).
        penalties: (columns,).
        epsilon: from how many σ on a row counts as far.
    """

    matrix: Floats
    y: Floats
    weights: Floats
    penalties: Floats
    epsilon: float

    def at(self, parameters: Floats) -> ConcomitantPlace:
        """Look at f from there; its value is infinite unless σ > 0."""
        return ConcomitantPlace(self, parameters)


@dataclass(frozen=True, eq=False)
class ConcomitantPlace:
    """f at one (θ, σ); see ``CurvedPlace``."""

    of: ConcomitantHuber
    parameters: Floats

    @cached_property
    def residuals(self) -> Floats:
        """y − xθ."""
        return np.asarray(self.of.y - self.of.matrix @ self.parameters[:-1])

    @cached_property
    def near(self) -> Floats:
        """The weights of the rows within ε σ; 0 for the others."""
        return np.where(np.abs(self.residuals) <= self.of.epsilon * self._scale, self.of.weights, 0)

    @cached_property
    def value(self) -> float:
        """f(θ, σ)."""
        scale, epsilon = self._scale, self.of.epsilon
        if not scale > 0.0:
            return float("inf")
        far = self.of.weights - self.near
        near_cost = float(self.near @ np.square(self.residuals)) / scale
        far_cost = 2.0 * epsilon * float(far @ np.abs(self.residuals))
        at_scale = scale * (float(self.of.weights.sum()) - epsilon**2 * float(far.sum()))
        penalty = float(self.of.penalties @ np.square(self.parameters[:-1]))
        return at_scale + near_cost + far_cost + penalty

    @cached_property
    def gradient(self) -> Floats:
        """The first derivative, (columns + 1,)."""
        of, scale = self.of, self._scale
        far = of.weights - self.near
        pulls = self.near * self.residuals / scale + of.epsilon * far * np.sign(self.residuals)
        by_scale = (
            float(of.weights.sum())
            - of.epsilon**2 * float(far.sum())
            - float(self.near @ np.square(self.residuals / scale))
        )
        slopes = 2.0 * (of.penalties * self.parameters[:-1] - of.matrix.T @ pulls)
        return np.append(slopes, by_scale)

    def hessian(self) -> Floats:
        """The second derivative, (columns + 1)²; only near rows bend."""
        of, scale = self.of, self._scale
        count = len(self.parameters) - 1
        standard = self.residuals / scale
        hessian = np.empty((count + 1, count + 1))
        hessian[:count, :count] = 2.0 * (gram(of.matrix, self.near) / scale + np.diag(of.penalties))
        hessian[:count, count] = 2.0 * (of.matrix.T @ (self.near * standard)) / scale
        hessian[count, :count] = hessian[:count, count]
        hessian[count, count] = 2.0 * float(self.near @ np.square(standard)) / scale
        return hessian

    def bend(self) -> Bend:
        """The second derivative as a map."""
        hessian = self.hessian()
        return lambda direction: hessian @ direction

    def reach(self, direction: Floats) -> float:
        """The largest change of a prediction along a direction, in σ."""
        return float(np.abs(self.of.matrix @ direction[:-1]).max()) / self._scale

    @property
    def _scale(self) -> float:
        return float(self.parameters[-1])
