"""Stochastic gradient descent: many cheap, noisy steps, each from a few rows.

Bottou, Curtis and Nocedal 2018, "Optimization methods for large-scale machine learning", *SIAM
Review* 60.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from northstar.linear.errors import BadInput
from northstar.linear.optimisation.minimum import Minimum, Step
from northstar.linear.optimisation.objective import Objective
from northstar.linear.optimisation.schedules import Constant, Schedule
from northstar.linear.optimisation.updates import Nesterov, Stepper, Update
from northstar.linear.tables import Floats

_NOISY = (
    "stochastic steps keep circling the minimum; let the schedule fall further, take larger "
    "batches, or allow more passes"
)


@dataclass(frozen=True)
class StochasticGradientDescent:
    """Gradient descent on batches of rows, in an order drawn anew for each pass.

    It is right for very many rows and a modest wish for digits: one pass already brings it near.
    It fails where digits are wanted: with a constant length it ends in a neighbourhood of the
    minimum, and honestly reports that it has not converged. Gradients are those of the mean over
    the rows, so that lengths do not depend on how many there are.

    Attributes:
        batch_rows: 1 is stochastic, a few dozen mini-batch, all of them batch.
        max_passes: over the rows, before it gives up.
        tolerance: it is satisfied when, after a pass, the gradient over all rows has shrunk to
            this share of its first norm.
        schedule: the step lengths; see ``schedules``.
        update: ``Plain()``, ``Momentum()``, ``Nesterov()`` or ``Adam()``.
        seed: of the generator that draws the order of the rows.
    """

    batch_rows: int = 32
    max_passes: int = 100
    tolerance: float = 1e-3
    schedule: Schedule = field(default_factory=lambda: Constant(0.01))
    update: Update = field(default_factory=Nesterov)
    seed: int = 0

    def minimise(self, objective: Objective, start: Floats) -> Minimum:
        """See ``Solver``; the record has one step for each pass.

        Raises:
            BadInput: steps are so long that the values grow without end, or there are no batches.
        """
        if self.batch_rows < 1:
            raise BadInput(f"batch_rows is {self.batch_rows}; a batch has at least one row.")
        generator = np.random.default_rng(self.seed)
        advance, parameters = self.update.begin(), start
        steps: list[Step] = []
        with np.errstate(over="ignore", invalid="ignore"):  # reported as divergence
            for number in range(self.max_passes + 1):
                place, length = objective.at(parameters), self.schedule.length(number)
                norm = float(np.linalg.norm(place.gradient))
                steps.append(Step(place.value, norm, length))
                if not np.isfinite(place.value):
                    raise BadInput(
                        f"Stochastic gradient descent diverged in pass {number} with steps of "
                        f"length {length:g}; give the schedule a smaller one."
                    )
                if norm <= self.tolerance * steps[0].gradient_norm:
                    return Minimum(parameters, tuple(steps), converged=True)
                if number < self.max_passes:
                    order = generator.permutation(len(objective.weights))
                    parameters = self._pass(objective, parameters, order, number, advance)
        return Minimum(parameters, tuple(steps), converged=False, complaint=_NOISY)

    def _pass(
        self,
        objective: Objective,
        parameters: Floats,
        order: NDArray[np.intp],
        number: int,
        advance: Stepper,
    ) -> Floats:
        batches = math.ceil(len(order) / self.batch_rows)
        for batch in range(batches):
            rows = order[batch * self.batch_rows : (batch + 1) * self.batch_rows]
            length = self.schedule.length(number + batch / batches)
            parameters = parameters + advance(_mean_gradient(objective, rows, parameters), length)
        return parameters


def _mean_gradient(objective: Objective, rows: NDArray[np.intp], parameters: Floats) -> Floats:
    """The gradient of some rows, as an estimate of that of all over the mean weight of a row.

    Light rows weigh less, so the sum is divided by what rows weigh on average, not by what
    these do: that keeps the estimate without bias.
    """
    mean = float(objective.weights.mean())
    part = objective.of_rows(rows)
    return np.asarray(part.gradient(parameters) / (len(rows) * mean))
