"""Newton's method with step halving: few steps, each as good as the curvature is known.

For the likelihoods this is iteratively reweighted least squares (McCullagh and Nelder,
*Generalized Linear Models*, section 2.5); the step is halved until the objective falls enough
(Armijo 1966), without which Newton diverges on nearly separable classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from northstar.linear.optimisation.minimum import Curved, Minimum, PlaceT, Step
from northstar.linear.optimisation.objective import Objective, ObjectivePlace, gram
from northstar.linear.tables import Floats

_SUFFICIENT = 1e-4
_SHORTEST = 2.0**-40
_JITTER = 1e-12
_STILL = 0.1
_ROUNDING = 1e-9
_WIDE = 1000

_ENDLESS = (
    "the likelihood keeps rising along a direction without end, because the columns tell some rows "
    "apart without error (separation); add a penalty, drop the column that gives the answer away, "
    "or take more rows"
)


@dataclass(frozen=True)
class Newton:
    """Newton's method for every convex objective with a second derivative.

    It is right for likelihoods of up to about a thousand parameters: near the minimum each step
    doubles the digits. Up to there, one output is solved exactly, with the second derivative as
    a matrix. Beyond, and for softmax, which would need one of (columns × classes)², its
    steps are found by conjugate gradients, which only multiply by it (Nocedal and Wright,
    *Numerical Optimization*, algorithm 7.1). It fails on losses without curvature (quantiles) or
    with kinks (L1), and where there is no finite minimum (separable classes without a penalty);
    the last it notices, since a step that gains nothing still moves the scores.

    Attributes:
        max_steps: before it gives up.
        tolerance: it is satisfied when the next step promises to lower the objective by less
            than this share of it and of the rows' weight (the Newton decrement; Boyd and
            Vandenberghe, section 9.5.1).
    """

    max_steps: int = 100
    tolerance: float = 1e-12

    def minimise(self, objective: Objective, start: Floats) -> Minimum:
        """See ``Solver``; the value never rises."""
        exact = start.ndim == 1 and len(start) <= _WIDE
        propose = _exact if exact else _conjugate(objective)
        return self.walk(objective, start, propose, float(objective.weights.sum()))

    def walk(
        self,
        objective: Curved[PlaceT],
        start: Floats,
        propose: Callable[[PlaceT], Floats],
        weight: float,
    ) -> Minimum:
        """The same for anything that bends, given what proposes a step at a place.

        ``weight`` is the sum of the rows' weights, by which the objective's unit is known.
        """
        parameters, place = start, objective.at(start)
        steps: list[Step] = []
        for _ in range(self.max_steps):
            direction = propose(place)
            promised = -float(np.vdot(place.gradient, direction))
            norm = float(np.linalg.norm(place.gradient))
            scale = weight + abs(place.value)
            if promised <= self.tolerance * scale:
                steps.append(Step(place.value, norm, 1.0))
                if place.reach(direction) > _STILL:
                    return Minimum(parameters, tuple(steps), converged=False, complaint=_ENDLESS)
                return Minimum(parameters + direction, tuple(steps), converged=True)
            length, reached = _halve(objective, parameters, direction, place, promised)
            steps.append(Step(place.value, norm, length))
            if not length:  # nothing lower: at the minimum, if what was promised is rounding
                rounding = promised <= _ROUNDING * scale
                return Minimum(parameters, tuple(steps), converged=rounding)
            parameters, place = parameters + length * direction, reached
        return Minimum(parameters, tuple(steps), converged=False)


def solve_positive(matrix: Floats, right: Floats) -> Floats:
    """Solve with a positive semidefinite matrix; a singular one gets about the shortest answer."""
    try:
        return np.asarray(np.linalg.solve(_jittered(matrix), right))
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.lstsq(matrix, right)[0])


def _halve(
    objective: Curved[PlaceT], parameters: Floats, direction: Floats, place: PlaceT, promised: float
) -> tuple[float, PlaceT]:
    """The first of 1, ½, ¼ … that lowers the value enough, and the place there; 0 if none."""
    length = 1.0
    while length >= _SHORTEST:
        reached = objective.at(parameters + length * direction)
        if reached.value <= place.value - _SUFFICIENT * length * promised:
            return length, reached
        length /= 2
    return 0.0, place


def _exact(place: ObjectivePlace) -> Floats:
    return -solve_positive(place.hessian(), place.gradient)


def _conjugate(objective: Objective) -> Callable[[ObjectivePlace], Floats]:
    """Directions from conjugate gradients, guided by a matrix that is near the curvature.

    The curvature of softmax never exceeds ½(I − 11ᵀ/K) in the classes (Böhning 1992). From a
    start of zeros all iterates sum to 0 over the classes, where that is ½ I, so one small matrix
    serves all classes and all steps. For wide tables its diagonal has to do.
    """
    guide = _guide(objective)

    def propose(place: ObjectivePlace) -> Floats:
        gradient = place.gradient
        size = float(np.linalg.norm(gradient))
        exactness = min(0.1, float(np.sqrt(size / float(objective.weights.sum()))))
        bend = place.bend()
        direction = np.zeros_like(gradient)
        residual = -_balanced(gradient)
        guided = guide(residual)
        search, energy = guided, float(np.vdot(residual, guided))
        for _ in range(2 * gradient.size):
            bent = bend(search)
            curvature = float(np.vdot(search, bent))
            if curvature <= 0.0:
                break
            move = energy / curvature
            direction = direction + move * search
            residual = residual - move * bent
            if np.linalg.norm(residual) <= exactness * size:
                break
            guided = guide(residual)
            renewed = float(np.vdot(residual, guided))
            search, energy = guided + (renewed / energy) * search, renewed
        return _balanced(direction)

    return propose


def _guide(objective: Objective) -> Callable[[Floats], Floats]:
    if objective.matrix.shape[1] <= _WIDE:
        bound = 0.5 * gram(objective.matrix, objective.weights) + np.diag(objective.penalties)
        inverse = np.linalg.inv(_jittered(bound))
        return lambda residual: inverse @ residual
    sizes = 0.5 * (objective.weights @ np.square(objective.matrix)) + objective.penalties
    sizes[sizes == 0.0] = 1.0
    return lambda residual: (residual.T / sizes).T


def _balanced(values: Floats) -> Floats:
    """Softmax does not change when all classes do alike: rounding's part in that is taken out."""
    return values if values.ndim == 1 else values - values.mean(axis=1, keepdims=True)


def _jittered(matrix: Floats) -> Floats:
    """Raise the diagonal by a hair, so that duplicate columns do not stop the factorisation."""
    diagonal = np.diagonal(matrix)
    floor = float(diagonal.max()) or 1.0
    return np.asarray(matrix + np.diag(_JITTER * np.maximum(diagonal, floor)))
