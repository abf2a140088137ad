"""Gradient descent over all rows: the solver to learn from. Every step is on record.

It needs no second derivative and no factorisation, and pays for that in steps: their number grows
with the condition number of the table (Boyd and Vandenberghe, *Convex Optimization*, section 9.3),
with momentum with its root, which is why the estimators hand it standardised columns.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from northstar.linear.errors import BadInput
from northstar.linear.optimisation.minimum import Minimum, Place, Smooth, Step
from northstar.linear.optimisation.objective import Objective
from northstar.linear.optimisation.updates import Plain, Update
from northstar.linear.tables import Floats

_SHORTEST = 1e-30
_ROUNDING = 1e-14


@dataclass(frozen=True)
class GradientDescent:
    """Batch gradient descent.

    It is right for smooth losses of standardised columns that are not too closely related, and
    where there are too many parameters for Newton. It fails, and says so, on ill-conditioned
    tables: it runs out of steps; and it crawls on losses with kinks.

    Attributes:
        max_steps: before it gives up.
        tolerance: it is satisfied when the gradient has shrunk to this share of its first norm.
        step_size: a constant step; ``None`` finds one at every step: twice the last, halved until
            the way leads downhill to its end; with momentum, halved whenever the value rises.
        update: ``Plain()``, ``Momentum()``, ``Nesterov()`` or ``Adam()``.
    """

    max_steps: int = 10_000
    tolerance: float = 1e-8
    step_size: float | None = None
    update: Update = field(default_factory=Plain)

    def minimise(self, objective: Objective, start: Floats) -> Minimum:
        """See ``Solver``; with a constant ``step_size`` the value may rise.

        Raises:
            BadInput: a constant ``step_size`` is so large that the values grow without end.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # reported as divergence
            if self.step_size is not None:
                return self._stride(objective, start, self.step_size)
            length = 1.0 / max(1.0, float(objective.weights.sum()))
            if isinstance(self.update, Plain):
                return self._search(objective, start, length)
            return self._roll(objective, start, length)

    def _stride(self, objective: Smooth, start: Floats, length: float) -> Minimum:
        """Steps of one length, whatever happens."""
        record = _Record(self.tolerance)
        parameters, advance = start, self.update.begin()
        for _ in range(self.max_steps):
            place = objective.at(parameters)
            if record.satisfied(place, length):
                return record.minimum(parameters, converged=True)
            if not np.isfinite(place.value):
                raise BadInput(
                    f"Gradient descent diverged after {len(record.steps) - 1} steps of size "
                    f"{length:g}; use a smaller step_size, or None to have one found."
                )
            parameters = parameters + advance(place.gradient, length)
        return record.minimum(parameters, converged=False)

    def _search(self, objective: Smooth, start: Floats, length: float) -> Minimum:
        """Each step as long as it leads downhill."""
        record = _Record(self.tolerance)
        parameters, place = start, objective.at(start)
        for _ in range(self.max_steps):
            if record.satisfied(place, length):
                return record.minimum(parameters, converged=True)
            length, beyond = _downhill(objective, parameters, place, 2.0 * length)
            record.took(length)
            parameters, place = parameters - length * place.gradient, beyond
        return record.minimum(parameters, converged=False)

    def _roll(self, objective: Smooth, start: Floats, length: float) -> Minimum:
        """With momentum, which is dropped when the value rises (O'Donoghue and Candès 2015)."""
        record = _Record(self.tolerance)
        parameters, place = start, objective.at(start)
        advance, fresh = self.update.begin(), True
        for _ in range(self.max_steps):
            if record.satisfied(place, length):
                return record.minimum(parameters, converged=True)
            change = advance(place.gradient, length)
            beyond = objective.at(parameters + change)
            if beyond.value <= place.value + _ROUNDING * abs(place.value):
                parameters, place, fresh = parameters + change, beyond, False
                continue
            if fresh:  # even without momentum it rises
                length /= 2
            advance, fresh = self.update.begin(), True
        return record.minimum(parameters, converged=False)


class _Record:
    """The steps so far, and whether the gradient is short enough to stop."""

    def __init__(self, tolerance: float) -> None:
        self.steps: list[Step] = []
        self.tolerance = tolerance

    def satisfied(self, place: Place, length: float) -> bool:
        norm = float(np.linalg.norm(place.gradient))
        first = self.steps[0].gradient_norm if self.steps else norm
        done = norm <= self.tolerance * first
        self.steps.append(Step(place.value, norm, 0.0 if done else length))
        return done

    def took(self, length: float) -> None:
        last = self.steps[-1]
        self.steps[-1] = Step(last.value, last.gradient_norm, length)

    def minimum(self, parameters: Floats, *, converged: bool) -> Minimum:
        return Minimum(parameters, tuple(self.steps), converged)


def _downhill(
    objective: Smooth, parameters: Floats, place: Place, length: float
) -> tuple[float, Place]:
    """Halve a step until the objective still falls at its end, and look at it there.

    For a convex objective that means a lower value all along; for a quadratic it is the same as
    Armijo's rule with one half. Comparing slopes instead of values keeps working where the gain
    of a step is lost in the rounding of the value.
    """
    while True:
        beyond = objective.at(parameters - length * place.gradient)
        if float(np.vdot(beyond.gradient, place.gradient)) >= 0.0 or length <= _SHORTEST:
            return length, beyond
        length /= 2
