"""Huber's loss with a scale that is estimated along with the coefficients.

f(θ) = min over σ of Σ wᵢ (σ + σ ρ(rᵢ/σ)) + Σ penaltyⱼ θⱼ² for the residuals r = y − xθ, where ρ(z)
is z² up to ε and 2ε|z| − ε² beyond. It is convex in θ and σ together (Owen 2007, "A robust hybrid
of lasso and ridge regression", section 3; after Huber 1981, *Robust Statistics*, section 7.7), so
the best σ for each θ leaves a convex function of θ alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from northstar.linear.optimisation.newton import solve_positive
from northstar.linear.optimisation.objective import gram
from northstar.linear.tables import Floats

_SUFFICIENT = 1e-4
_EXACT = 1e-14


@dataclass(frozen=True, eq=False)
class ConcomitantHuber:
    """f as a function of the coefficients (columns,); see ``Curved``.

    Attributes:
        matrix: rows × columns, with a column of ones where there is an intercept.
        y: (rows,), of order 1.
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
        """Look at f from there."""
        return ConcomitantPlace(self, parameters, self.y - self.matrix @ parameters)


@dataclass(frozen=True, eq=False)
class ConcomitantPlace:
    """f at one θ; see ``CurvedPlace``."""

    of: ConcomitantHuber
    parameters: Floats
    residuals: Floats

    @cached_property
    def scale(self) -> float:
        """The best σ: where Σ near w z² = Σ w − ε² Σ far w.

        With the k smallest residuals near, that is a formula; k is the first that proves right.
        """
        of = self.of
        order = np.argsort(np.abs(self.residuals))
        sizes, weights = np.abs(self.residuals)[order], of.weights[order]
        near = np.cumsum(weights)
        room = near[-1] - of.epsilon**2 * (near[-1] - near)
        squares = np.cumsum(weights * np.square(sizes))
        scales = np.sqrt(squares / np.where(room > 0.0, room, np.inf))
        right = (room > 0.0) & (of.epsilon * scales < np.append(sizes[1:], np.inf))
        return max(float(scales[right.argmax()]), _EXACT)

    @cached_property
    def near(self) -> Floats:
        """The weights of the rows within ε σ; 0 for the others."""
        return np.where(np.abs(self.residuals) <= self.of.epsilon * self.scale, self.of.weights, 0)

    @cached_property
    def value(self) -> float:
        """f(θ)."""
        of, far = self.of, self.of.weights - self.near
        at_scale = self.scale * (float(of.weights.sum()) - of.epsilon**2 * float(far.sum()))
        near_cost = float(self.near @ np.square(self.residuals)) / self.scale
        far_cost = 2.0 * of.epsilon * float(far @ np.abs(self.residuals))
        return at_scale + near_cost + far_cost + float(of.penalties @ np.square(self.parameters))

    @cached_property
    def gradient(self) -> Floats:
        """The first derivative, (columns,)."""
        of, far = self.of, self.of.weights - self.near
        pulls = self.near * self.residuals / self.scale + of.epsilon * far * np.sign(self.residuals)
        return np.asarray(2.0 * (of.penalties * self.parameters - of.matrix.T @ pulls))

    def hessian(self) -> Floats:
        """The second derivative, columns × columns; only near rows bend, and σ gives way."""
        of, standard = self.of, self.residuals / self.scale
        across = of.matrix.T @ (self.near * standard)
        along = float(self.near @ np.square(standard))
        given_way = np.outer(across, across) / along if along else 0.0
        bends = (gram(of.matrix, self.near) - given_way) / self.scale
        return np.asarray(2.0 * (bends + np.diag(of.penalties)))

    def direction(self) -> Floats:
        """Newton's step where it lowers f; elsewhere that of iteratively reweighted least squares.

        Far from the minimum, the near rows can be too few to tell all coefficients, and Newton's
        step leads nowhere. Reweighting lets far rows bend by as much as keeps a parabola above f:
        its steps are safe, and Newton's take over where they have found the near rows.
        """
        of = self.of
        newton = -solve_positive(self.hessian(), self.gradient)
        promised = -float(self.gradient @ newton)
        if of.at(self.parameters + newton).value <= self.value - _SUFFICIENT * promised:
            return newton
        standard = np.abs(self.residuals) / self.scale
        reweighted = gram(of.matrix, of.weights * of.epsilon / np.maximum(standard, of.epsilon))
        curvature = 2.0 * (reweighted / self.scale + np.diag(of.penalties))
        return self._lengthened(-solve_positive(curvature, self.gradient))

    def reach(self, direction: Floats) -> float:
        """None that matters: f has a minimum on every table, so no direction is endless."""
        return 0.0

    def _lengthened(self, direction: Floats) -> Floats:
        """Twice as far as long as f falls: a parabola that is safe everywhere is too steep."""
        value = self.of.at(self.parameters + direction).value
        while (further := self.of.at(self.parameters + 2.0 * direction).value) < value:
            direction, value = 2.0 * direction, further
        return direction
