"""Newton's method with step halving: few steps, each as good as the curvature is known.

For the logistic loss this is iteratively reweighted least squares (McCullagh and Nelder,
*Generalized Linear Models*, section 2.5); the step is halved until the objective falls enough
(Armijo 1966), without which Newton diverges on nearly separable classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from northstar.linear.optimisation.minimum import Minimum, Step
from northstar.linear.optimisation.objective import Objective, gram
from northstar.linear.tables import Floats

_SUFFICIENT = 1e-4
_SHORTEST = 2.0**-40
_JITTER = 1e-12

Direction = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True)
class Newton:
    """Newton's method for every convex objective with a second derivative.

    One output is solved exactly, by a Cholesky factor of the second derivative. Softmax would
    need one of (columns × classes)²; its steps are found by conjugate gradients instead, which
    only multiply by it (Nocedal and Wright, *Numerical Optimization*, algorithm 7.1).

    Attributes:
        max_steps: before it gives up.
        tolerance: it is satisfied when the next step promises to lower the objective by less
            than this share of it (the Newton decrement; Boyd and Vandenberghe, section 9.5.1).
    """

    max_steps: int = 100
    tolerance: float = 1e-12

    def minimise(self, objective: Objective, start: Floats) -> Minimum:
        """See ``Solver``."""
        propose = _exact(objective) if start.ndim == 1 else _conjugate(objective)
        parameters, value = start, objective.value(start)
        steps: list[Step] = []
        for _ in range(self.max_steps):
            gradient = objective.gradient(parameters)
            direction = propose(parameters, gradient)
            promised = -float(np.vdot(gradient, direction))
            norm = float(np.linalg.norm(gradient))
            if promised <= self.tolerance * (1.0 + abs(value)):
                steps.append(Step(value, norm, 1.0))
                return Minimum(parameters + direction, tuple(steps), converged=True)
            length, reached = _halve(objective, parameters, direction, value, promised)
            steps.append(Step(value, norm, length))
            if not length:  # nothing lower within rounding
                return Minimum(parameters, tuple(steps), converged=True)
            parameters, value = parameters + length * direction, reached
        return Minimum(parameters, tuple(steps), converged=False)


def _halve(
    objective: Objective, parameters: Floats, direction: Floats, value: float, promised: float
) -> tuple[float, float]:
    """The first of 1, ½, ¼ … that lowers the value enough, and the value there; 0 if none."""
    length = 1.0
    while length >= _SHORTEST:
        reached = objective.value(parameters + length * direction)
        if reached <= value - _SUFFICIENT * length * promised:
            return length, reached
        length /= 2
    return 0.0, value


def _exact(objective: Objective) -> Direction:
    def propose(parameters: Floats, gradient: Floats) -> Floats:
        return -_solve_positive(objective.hessian(parameters), gradient)

    return propose


def _conjugate(objective: Objective) -> Direction:
    """Directions from conjugate gradients, with Böhning's bound on the curvature as the guide.

    The curvature of softmax never exceeds ½(I − 11ᵀ/K) in the classes (Böhning 1992). From a
    start of zeros all iterates sum to 0 over the classes, where that is ½ I, so one small matrix
    serves all classes and all steps.
    """
    bound = 0.5 * gram(objective.matrix, objective.weights) + np.diag(objective.penalties)
    inverse = np.linalg.inv(_jittered(bound))

    def propose(parameters: Floats, gradient: Floats) -> Floats:
        size = float(np.linalg.norm(gradient))
        exactness = min(0.1, float(np.sqrt(size / max(1.0, len(objective.y)))))
        bend = objective.bend(parameters)
        direction = np.zeros_like(gradient)
        residual = -gradient
        guided = inverse @ residual
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
            guided = inverse @ residual
            renewed = float(np.vdot(residual, guided))
            search, energy = guided + (renewed / energy) * search, renewed
        return direction

    return propose


def _solve_positive(matrix: Floats, right: Floats) -> Floats:
    """Solve with a positive definite matrix; a singular one gets the least-norm answer."""
    try:
        factor = np.linalg.cholesky(_jittered(matrix))
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.lstsq(matrix, right)[0])
    return np.asarray(np.linalg.solve(factor.T, np.linalg.solve(factor, right)))


def _jittered(matrix: Floats) -> Floats:
    """Raise the diagonal by a hair, so that duplicate columns do not stop the factorisation."""
    diagonal = np.diagonal(matrix)
    floor = float(diagonal.max()) or 1.0
    return np.asarray(matrix + np.diag(_JITTER * np.maximum(diagonal, floor)))
