"""Derivatives agree with finite differences; proximal steps end at the minimum they name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from northstar.linear import (
    ElasticNetPenalty,
    HuberLoss,
    L1Penalty,
    L2Penalty,
    LogisticLoss,
    Loss,
    Objective,
    Penalty,
    PoissonLoss,
    ProximalLoss,
    QuantileLoss,
    SoftmaxLoss,
    SquaredLoss,
)
from tests.linear.tables import seeds

SMOOTH: list[tuple[Loss, int]] = [
    (SquaredLoss(), 0),
    (LogisticLoss(), 0),
    (PoissonLoss(), 0),
    (SoftmaxLoss(), 3),
]
WITH_STEP: list[ProximalLoss] = [SquaredLoss(), HuberLoss(0.7), QuantileLoss(0.8)]
PENALTIES: list[Penalty] = [L1Penalty(0.6), L2Penalty(1.7), ElasticNetPenalty(0.6, 1.7)]
NUMBERS = st.floats(-5, 5)


@pytest.mark.parametrize(("loss", "classes"), SMOOTH)
@given(seed=seeds)
@settings(max_examples=30, deadline=None)
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


@pytest.mark.parametrize("loss", [HuberLoss(0.7), QuantileLoss(0.8)])
@given(score=NUMBERS, y=NUMBERS)
@settings(deadline=None)
def test_losses_with_kinks_have_their_slope_off_the_kinks(
    loss: Loss, score: float, y: float
) -> None:
    h = 1e-6
    assume(min(abs(abs(score - y) - kink) for kink in (0.0, 0.7)) > 1e-3)
    ahead, here, behind = (np.array([score + step]) for step in (h, 0.0, -h))
    target = np.array([y])
    slope = (loss.values(ahead, target) - loss.values(behind, target)) / (2 * h)
    np.testing.assert_allclose(loss.slopes(here, target), slope, atol=1e-7)
    bend = (loss.slopes(ahead, target) - loss.slopes(behind, target)) / (2 * h)
    np.testing.assert_allclose(loss.bend(here, target)(np.ones(1)), bend, atol=1e-7)


@pytest.mark.parametrize("loss", WITH_STEP)
@given(score=NUMBERS, y=NUMBERS, step=st.floats(0.01, 10))
@settings(deadline=None)
def test_a_loss_s_proximal_step_is_a_minimum(
    loss: ProximalLoss, score: float, y: float, step: float
) -> None:
    def cost(z: Any) -> Any:
        return loss.values(z, np.full_like(z, y)) + np.square(z - score) / (2 * step)

    reached = loss.proximal(np.array([score]), np.array([y]), step)
    assert cost(reached)[0] <= cost(np.linspace(-8, 8, 4001)).min() + 1e-9


@pytest.mark.parametrize("penalty", PENALTIES)
@given(coefficient=NUMBERS, step=st.floats(0.01, 10))
@settings(deadline=None)
def test_a_penalty_s_proximal_step_is_a_minimum(
    penalty: Penalty, coefficient: float, step: float
) -> None:
    def cost(b: float) -> float:
        return penalty.value(np.array([b])) + (b - coefficient) ** 2 / (2 * step)

    reached = penalty.proximal(np.array([coefficient]), step)[0]
    assert cost(float(reached)) <= min(map(cost, np.linspace(-8, 8, 801).tolist())) + 1e-9


@pytest.mark.parametrize("score", [-1e4, -50.0, 0.0, 50.0, 1e4])
def test_far_scores_cost_their_distance(score: float) -> None:
    cost = LogisticLoss().values(np.array([score]), np.array([0]))
    assert cost[0] == pytest.approx(max(score, 0.0) + np.log1p(np.exp(-abs(score))))
    both = SoftmaxLoss().values(np.array([[0.0, score]]), np.array([0]))
    assert both[0] == pytest.approx(cost[0])
    assert np.isfinite(LogisticLoss().bend(np.array([score]), np.array([0]))(np.ones(1))).all()
