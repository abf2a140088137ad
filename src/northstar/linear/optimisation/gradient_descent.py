"""Gradient descent: the solver to learn from. Every step is on record.

It needs no second derivative and no factorisation, and pays for that in steps: their number grows
with the condition number of the table (Boyd and Vandenberghe, *Convex Optimization*, section 9.3),
which is why the estimators hand it standardised columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from northstar.linear.errors import BadInput
from northstar.linear.optimisation.minimum import Minimum, Step
from northstar.linear.optimisation.objective import Objective
from northstar.linear.tables import Floats

_SHORTEST = 1e-30


@dataclass(frozen=True)
class GradientDescent:
    """Batch gradient descent.

    Attributes:
        max_steps: before it gives up.
        tolerance: it is satisfied when the gradient has shrunk to this share of its first norm.
        step_size: a constant step; ``None`` finds one at every step: twice the last, halved until
            the way leads downhill to its end.
    """

    max_steps: int = 10_000
    tolerance: float = 1e-8
    step_size: float | None = None

    def minimise(self, objective: Objective, start: Floats) -> Minimum:
        """See ``Solver``; with a constant ``step_size`` the value may rise.

        Raises:
            BadInput: a constant ``step_size`` is so large that the values grow without end.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # reported as divergence
            return self._walk(objective, start)

    def _walk(self, objective: Objective, start: Floats) -> Minimum:
        length = self.step_size or 1.0 / max(1.0, float(objective.weights.sum()))
        parameters, gradient = start, objective.gradient(start)
        target = self.tolerance * float(np.linalg.norm(gradient))
        steps: list[Step] = []
        for _ in range(self.max_steps):
            norm, value = float(np.linalg.norm(gradient)), objective.value(parameters)
            if norm <= target:
                steps.append(Step(value, norm, 0.0))
                return Minimum(parameters, tuple(steps), converged=True)
            if not np.isfinite(value):
                raise BadInput(
                    f"Gradient descent diverged after {len(steps)} steps of size {length:g}; "
                    "use a smaller step_size, or None to have one found."
                )
            if self.step_size is None:
                length = _downhill(objective, parameters, gradient, 2.0 * length)
            steps.append(Step(value, norm, length))
            parameters = parameters - length * gradient
            gradient = objective.gradient(parameters)
        return Minimum(parameters, tuple(steps), converged=False)


def _downhill(objective: Objective, parameters: Floats, gradient: Floats, length: float) -> float:
    """Halve a step until the objective still falls at its end.

    For a convex objective that means a lower value all along; for a quadratic it is the same as
    Armijo's rule with one half. Comparing slopes instead of values keeps working where the gain
    of a step is lost in the rounding of the value.
    """
    while length > _SHORTEST:
        beyond = objective.gradient(parameters - length * gradient)
        if float(np.vdot(beyond, gradient)) >= 0.0:
            return length
        length /= 2
    return length
