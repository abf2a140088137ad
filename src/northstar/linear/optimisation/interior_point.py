"""Quantile regression's linear programme from the inside: the Frisch–Newton method.

The dual of min Σ ρ(yᵢ − xᵢb) is max yᵀa subject to Xᵀa = (1 − τ) Xᵀ1, 0 ≤ a ≤ 1. Mehrotra's
predictor and corrector walk through the inside of the box, each at the cost of one weighted least
squares. Portnoy and Koenker 1997, "The Gaussian hare and the Laplacian tortoise", *Statistical
Science* 12, section 4. Some twenty steps do whatever the number of rows; the answer is near the
best corner, which ``vertex`` then finds exactly. It fails when columns depend on each other, which
the caller has to prevent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from northstar.linear.optimisation.minimum import Minimum, Step
from northstar.linear.optimisation.newton import solve_positive
from northstar.linear.optimisation.objective import gram
from northstar.linear.optimisation.vertex import best_vertex
from northstar.linear.tables import Floats

_BACK = 0.99995
_SHARE_OF_GAP = 1e-9


@dataclass(frozen=True)
class FrischNewton:
    """Quantile regression solved exactly: first through the inside, then along the edges.

    Attributes:
        max_steps: of each of the two, before it gives up.
    """

    max_steps: int = 500

    def minimise_quantile(self, matrix: Floats, y: Floats, quantile: float) -> Minimum:
        """The coefficients (columns,) of quantile regression of a table of full column rank.

        Columns and values are of order 1; a row's weight is multiplied into both.
        """
        inside = self._walk_inside(matrix, y, quantile)
        corner = best_vertex(matrix, y, quantile, inside.parameters, max_steps=self.max_steps)
        return Minimum(corner.parameters, inside.steps + corner.steps, corner.converged)

    def _walk_inside(self, matrix: Floats, y: Floats, quantile: float) -> Minimum:
        coefficients = np.asarray(np.linalg.lstsq(matrix, y)[0], dtype=np.float64)
        inside = np.full(len(matrix), 1.0 - quantile)
        below, above = _split(y - matrix @ coefficients)
        state = _State(inside, 1.0 - inside, below, above, coefficients)
        steps: list[Step] = []
        for _ in range(self.max_steps):
            gap, cost = state.gap, _cost(y - matrix @ state.coefficients, quantile)
            steps.append(Step(cost, gap, 1.0))
            if not gap > _SHARE_OF_GAP * (1.0 + cost):
                return Minimum(state.coefficients, tuple(steps), converged=True)
            state = _advance(matrix, y, state)
        return Minimum(state.coefficients, tuple(steps), converged=False)


@dataclass(frozen=True, eq=False)
class _State:
    """A point inside: a, its slack 1 − a, and what holds each back (duals of both bounds)."""

    inside: Floats
    slack: Floats
    below: Floats
    above: Floats
    coefficients: Floats

    @property
    def gap(self) -> float:
        return float(self.inside @ self.below + self.slack @ self.above)


def _split(residuals: Floats) -> tuple[Floats, Floats]:
    """Residuals as the difference of two positive parts, both kept away from 0."""
    margin = max(1e-3 * float(np.abs(residuals).max()), 1e-12)
    return np.maximum(-residuals, 0.0) + margin, np.maximum(residuals, 0.0) + margin


def _advance(matrix: Floats, y: Floats, state: _State) -> _State:
    weights = 1.0 / (state.below / state.inside + state.above / state.slack)
    curvature = gram(matrix, weights)
    residuals = y - matrix @ state.coefficients
    # Predictor: straight for the solution, as if nothing were curved.
    change = _direction(matrix, curvature, weights, state, residuals, 0.0, 0.0)
    first, second = _reach(state, change)
    aimed = (state.inside + first * change.inside) @ (state.below + second * change.below) + (
        state.slack + first * change.slack
    ) @ (state.above + second * change.above)
    share = (float(aimed) / state.gap) ** 3
    centre = share * state.gap / (2 * len(y))
    # Corrector: towards the centre, and by what the predictor got wrong.
    below = (centre - change.inside * change.below) / state.inside
    above = (centre - change.slack * change.above) / state.slack
    change = _direction(matrix, curvature, weights, state, residuals, below, above)
    first, second = _reach(state, change)
    return _State(
        state.inside + first * change.inside,
        state.slack + first * change.slack,
        state.below + second * change.below,
        state.above + second * change.above,
        state.coefficients + second * change.coefficients,
    )


def _direction(
    matrix: Floats,
    curvature: Floats,
    weights: Floats,
    state: _State,
    residuals: Floats,
    below: Floats | float,
    above: Floats | float,
) -> _State:
    """Newton's step: a weighted least squares for the coefficients, the rest follows.

    From y − Xb = above − below (dual), Xᵀa fixed (primal), and a·below, slack·above towards their
    targets.
    """
    wanted = residuals + below - above
    coefficients = solve_positive(curvature, matrix.T @ (weights * wanted))
    inside = weights * (wanted - matrix @ coefficients)
    return _State(
        inside,
        -inside,
        below - state.below - inside * state.below / state.inside,
        above - state.above + inside * state.above / state.slack,
        coefficients,
    )


def _reach(state: _State, change: _State) -> tuple[float, float]:
    """How far both halves can go and stay inside."""
    first = min(_room(state.inside, change.inside), _room(state.slack, change.slack))
    second = min(_room(state.below, change.below), _room(state.above, change.above))
    return min(1.0, _BACK * first), min(1.0, _BACK * second)


def _room(values: Floats, changes: Floats) -> float:
    falling = changes < 0.0
    if not falling.any():
        return np.inf
    return float(np.min(-values[falling] / changes[falling]))


def _cost(residuals: Floats, quantile: float) -> float:
    return float(np.maximum(quantile * residuals, (quantile - 1.0) * residuals).sum())
