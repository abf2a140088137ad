"""Coordinate descent for the lasso and the elastic net, with jumps where the support is known.

Friedman, Hastie and Tibshirani 2010, *Journal of Statistical Software* 33: one coefficient at a
time has a closed form, and with the inner products at hand it costs one short vector. Only
coefficients that are far from their minimum are visited (active set). Between sweeps, the solver
jumps to the minimum over the coefficients that are not 0 with the signs that they have, which is a
linear system (Osborne, Presnell and Turlach 2000, *IMA J. Numer. Anal.* 20), and stops where a
sign would change. Near the end the support is right, and the jump makes the answer exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from northstar.linear.errors import BadInput
from northstar.linear.optimisation.minimum import Minimum, Smooth, Step
from northstar.linear.optimisation.newton import solve_positive
from northstar.linear.optimisation.penalties import ElasticNetPenalty, L1Penalty, Penalty
from northstar.linear.optimisation.quadratic import Quadratic
from northstar.linear.tables import Floats

_JUMPS = 10
_FURTHEST = 0.1
_NEAR_DEPENDENT = 1e8


@dataclass(frozen=True)
class CoordinateDescent:
    """Coordinate descent for least squares with an L1 or elastic net penalty.

    It is right for these penalties on any table, wide ones included; related columns cost sweeps,
    which the jumps save. It does not apply to other losses: use ``Fista`` there.

    Attributes:
        max_steps: sweeps before it gives up.
        tolerance: it is satisfied when the duality gap, which bounds how far the objective is
            above its minimum, is below this share of the target's square sum, as in scikit-learn.
    """

    max_steps: int = 1000
    tolerance: float = 1e-10

    def minimise_penalised(self, objective: Smooth, penalty: Penalty, start: Floats) -> Minimum:
        """See ``PenalisedSolver``; raises ``BadInput`` for other losses and penalties."""
        if not isinstance(objective, Quadratic):
            raise BadInput("CoordinateDescent needs a Quadratic; use Fista for other losses.")
        if isinstance(penalty, L1Penalty):
            penalty = ElasticNetPenalty(penalty.strength, 0.0)
        if not isinstance(penalty, ElasticNetPenalty):
            raise BadInput("CoordinateDescent needs an L1 or elastic net penalty; use Fista.")
        l1 = np.broadcast_to(np.asarray(penalty.l1, dtype=np.float64), start.shape)
        l2 = np.broadcast_to(np.asarray(penalty.l2, dtype=np.float64), start.shape)
        if not l1.any():
            return _without_kinks(objective, l2)
        if not (l1 > 0.0).all():
            raise BadInput("The L1 strengths must all be above 0, or all 0; use Fista otherwise.")
        return self._walk(objective, l1, l2, start)

    def _walk(self, problem: Quadratic, l1: Floats, l2: Floats, start: Floats) -> Minimum:
        coefficients, steps = start, []
        enough = self.tolerance * problem.square
        for _ in range(self.max_steps):
            coefficients = _jump(problem, l1, l2, coefficients)
            slopes = problem.slopes(coefficients)
            value, gap = duality_gap(problem, l1, l2, coefficients, slopes)
            steps.append(Step(value, gap, 1.0))
            if gap <= enough:
                return Minimum(coefficients, tuple(steps), converged=True)
            coefficients = _sweep(problem, l1, l2, coefficients, slopes)
        return Minimum(coefficients, tuple(steps), converged=False)


def duality_gap(
    problem: Quadratic, l1: Floats, l2: Floats, coefficients: Floats, slopes: Floats
) -> tuple[float, float]:
    """The penalised objective, and how far it can be above its minimum at most.

    The residuals, shrunk until no column has more to do with them than its penalty allows, are a
    feasible point of the dual, whose value is a lower bound (Kim, Koh, Lustig, Boyd and Gorinevsky
    2007, *IEEE J. Sel. Topics Signal Process.* 1). The L2 part is taken as rows of the table.
    """
    free = float(coefficients @ (problem.projected + slopes))
    ridge = float(l2 @ np.square(coefficients))
    residual = max(problem.square - free, 0.0) + ridge  # of the table with the L2 rows
    value = 0.5 * residual + float(l1 @ np.abs(coefficients))
    shrink = 1.0 / max(1.0, float(np.max(np.abs(slopes - l2 * coefficients) / l1)))
    with_target = problem.square - float(problem.projected @ coefficients)
    return value, value - (shrink * with_target - 0.5 * shrink**2 * residual)


def _sweep(
    problem: Quadratic, l1: Floats, l2: Floats, coefficients: Floats, slopes: Floats
) -> Floats:
    """Minimise over one coefficient after the other: those that are furthest from their minimum."""
    coefficients, slopes = coefficients.copy(), slopes.copy()
    at_zero = np.maximum(np.abs(slopes) - l1, 0.0)
    off_zero = np.abs(slopes - l2 * coefficients - l1 * np.sign(coefficients))
    wrong = np.where(coefficients == 0.0, at_zero, off_zero)
    for j in np.flatnonzero(wrong > _FURTHEST * wrong.max()).tolist():
        size = problem.diagonal[j]
        if not size:
            continue
        before = coefficients[j]
        pull = slopes[j] + size * before
        after = np.copysign(max(abs(pull) - l1[j], 0.0), pull) / (size + l2[j])
        if after != before:
            slopes -= (after - before) * problem.column(j)
            coefficients[j] = after
    return coefficients


def _jump(problem: Quadratic, l1: Floats, l2: Floats, coefficients: Floats) -> Floats:
    """Go to the minimum with these signs; where one would change, stop there and drop it."""
    for _ in range(_JUMPS):
        support = np.flatnonzero(coefficients)
        if not len(support):
            return coefficients
        here, signs = coefficients[support], np.sign(coefficients[support])
        curvature = problem.block(support)
        np.fill_diagonal(curvature, np.diagonal(curvature) + l2[support])
        there = _solve(curvature, problem.projected[support] - l1[support] * signs)
        crossing = there * signs < 0.0
        shares = here[crossing] / (here[crossing] - there[crossing])
        share = float(shares.min()) if len(shares) else 1.0
        moved = here + share * (there - here)
        if len(shares):
            moved[np.flatnonzero(crossing)[shares.argmin()]] = 0.0
        coefficients = np.zeros_like(coefficients)
        coefficients[support] = moved
        if share == 1.0:
            return coefficients
    return coefficients


def _solve(curvature: Floats, right: Floats) -> Floats:
    """Exactly where the columns are independent; where they are not, somewhere down the valley."""
    try:
        found = np.asarray(np.linalg.solve(curvature, right))
    except np.linalg.LinAlgError:
        return solve_positive(curvature, right)
    sizes = np.diagonal(curvature)
    far = np.max(np.abs(found) * sizes) > _NEAR_DEPENDENT * np.max(np.abs(right))
    return solve_positive(curvature, right) if far else found


def _without_kinks(problem: Quadratic, l2: Floats) -> Minimum:
    """Without an L1 part: one linear system, of least norm where it has many solutions."""
    everything = np.arange(len(l2))
    curvature = problem.block(everything) + np.diag(l2)
    coefficients = np.asarray(np.linalg.pinv(curvature, hermitian=True) @ problem.projected)
    place = problem.at(coefficients)
    value = place.value + 0.5 * float(l2 @ np.square(coefficients))
    left = float(np.linalg.norm(place.gradient + l2 * coefficients))
    return Minimum(coefficients, (Step(value, left, 1.0),), converged=True)
