"""Derivatives agree with finite differences; rows far from the boundary do not overflow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from northstar.linear import LogisticLoss, Loss, Objective, SoftmaxLoss, SquaredLoss
from tests.linear.tables import seeds

LOSSES: list[tuple[Loss, int]] = [(SquaredLoss(), 0), (LogisticLoss(), 0), (SoftmaxLoss(), 3)]


@pytest.mark.parametrize(("loss", "classes"), LOSSES)
@given(seed=seeds)
@settings(deadline=None)
def test_gradient_and_curvature_agree_with_finite_differences(
    loss: Loss, classes: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes or 2, 20)
    objective = Objective(
        rng.normal(size=(20, 4)), y, loss, rng.exponential(size=20), rng.exponential(size=4)
    )
    shape = (4, classes) if classes else (4,)
    point, direction, h = rng.normal(size=shape), rng.normal(size=shape), 1e-5
    ahead, behind = point + h * direction, point - h * direction
    slope = (objective.value(ahead) - objective.value(behind)) / (2 * h)
    assert np.vdot(objective.gradient(point), direction) == pytest.approx(slope, rel=1e-5, abs=1e-5)
    bend = (objective.gradient(ahead) - objective.gradient(behind)) / (2 * h)
    np.testing.assert_allclose(objective.bend(point)(direction), bend, rtol=1e-4, atol=1e-5)
    if not classes:
        product = objective.hessian(point) @ direction
        np.testing.assert_allclose(product, objective.bend(point)(direction), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("score", [-1e4, -50.0, 0.0, 50.0, 1e4])
def test_far_scores_cost_their_distance(score: float) -> None:
    cost = LogisticLoss().values(np.array([score]), np.array([0]))
    assert cost[0] == pytest.approx(max(score, 0.0) + np.log1p(np.exp(-abs(score))))
    both = SoftmaxLoss().values(np.array([[0.0, score]]), np.array([0]))
    assert both[0] == pytest.approx(cost[0])
