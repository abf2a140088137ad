"""Gradient descent, batch and stochastic: where it ends, and whether it says so honestly."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings

from northstar.linear import (
    Adam,
    BadInput,
    Constant,
    Cosine,
    ExponentialDecay,
    GradientDescent,
    InverseTime,
    LinearRegression,
    LogisticRegression,
    Momentum,
    Nesterov,
    NotConverged,
    Plain,
    PoissonRegression,
    Ridge,
    Schedule,
    StepDecay,
    StochasticGradientDescent,
    Update,
)
from tests.linear.tables import labels, seeds, table, values

UPDATES: list[Update] = [Plain(), Momentum(), Nesterov()]


@pytest.mark.parametrize("update", UPDATES)
@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_it_ends_where_the_closed_form_does(update: Update, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(80, 3)) * [1.0, 1e3, 1e-3] + [0.0, 50.0, 1.0]
    y = values(seed, X)
    exact = Ridge(alpha=0.5).fit(X, y)
    walked = Ridge(alpha=0.5, solver=GradientDescent(update=update, tolerance=1e-9)).fit(X, y)
    assert walked.steps_[-1].gradient_norm <= 1e-9 * walked.steps_[0].gradient_norm
    np.testing.assert_allclose(walked.predict(X), exact.predict(X), rtol=1e-6, atol=1e-6)


def test_momentum_needs_fewer_steps_on_related_columns() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 1)) + 0.1 * rng.normal(size=(200, 6))
    y = values(0, X)
    steps = {
        type(update).__name__: Ridge(
            alpha=1e-3, solver=GradientDescent(update=update, step_size=1 / 1400, max_steps=50_000)
        )
        .fit(X, y)
        .n_iter_
        for update in UPDATES
    }
    assert steps["Nesterov"] < steps["Plain"] / 3
    assert steps["Momentum"] < steps["Plain"] / 3


@pytest.mark.parametrize("update", UPDATES)
def test_a_found_step_never_climbs(update: Update) -> None:
    X = table(3)
    model = LogisticRegression(solver=GradientDescent(update=update)).fit(X, labels(3, X, 2))
    costs = [step.value for step in model.steps_]
    assert all(after <= before * (1 + 1e-12) for before, after in pairwise(costs))
    newton = LogisticRegression().fit(X, labels(3, X, 2))
    np.testing.assert_allclose(model.predict_proba(X), newton.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("update", [*UPDATES, Adam()])
def test_running_out_of_steps_is_admitted(update: Update) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 1)) + 1e-4 * rng.normal(size=(50, 3))
    model = LinearRegression(solver=GradientDescent(update=update, max_steps=50))
    with pytest.warns(NotConverged, match="did not converge in 50 steps"):
        model.fit(X, values(0, X))
    assert not model.solver_report_.converged
    assert len(model.steps_) == 50


@pytest.mark.parametrize(
    ("schedule", "lengths"),
    [
        (Constant(0.2), [0.2, 0.2, 0.2]),
        (StepDecay(0.2, factor=0.1, every=1.0), [0.2, 0.02, 0.002]),
        (ExponentialDecay(0.2, rate=np.log(2)), [0.2, 0.1, 0.05]),
        (InverseTime(0.2, rate=1.0), [0.2, 0.1, 0.2 / 3]),
        (Cosine(0.2, final=0.0, passes=2.0), [0.2, 0.1, 0.0]),
    ],
)
def test_schedules_fall_as_they_say(schedule: Schedule, lengths: list[float]) -> None:
    assert [schedule.length(passes) for passes in (0.0, 1.0, 2.0)] == pytest.approx(lengths)


@pytest.mark.parametrize(
    ("update", "schedule"),
    [
        (Plain(), InverseTime(1.0, rate=0.3)),
        (Momentum(), Cosine(0.03, final=0.0, passes=60)),
        (Nesterov(), ExponentialDecay(0.03, rate=0.1)),
        (Adam(), Cosine(0.05, final=0.0, passes=60)),
    ],
)
@pytest.mark.parametrize("batch_rows", [8, 200])
def test_falling_steps_bring_stochastic_descent_to_the_minimum(
    update: Update, schedule: Schedule, batch_rows: int
) -> None:
    X = np.random.default_rng(1).normal(size=(200, 3)) * [1.0, 100.0, 0.01]
    y, weights = labels(1, X, 2), np.random.default_rng(2).exponential(size=200)
    solver = StochasticGradientDescent(
        batch_rows=batch_rows, max_passes=60, tolerance=0.02, schedule=schedule, update=update
    )
    if batch_rows == 200:
        solver = StochasticGradientDescent(
            batch_rows=200, max_passes=2000, tolerance=0.02, schedule=Constant(0.05), update=update
        )
    walked = LogisticRegression(solver=solver).fit(X, y, weights)
    exact = LogisticRegression().fit(X, y, weights)
    assert walked.solver_report_.converged
    np.testing.assert_allclose(walked.predict_proba(X), exact.predict_proba(X), atol=0.03)


def test_the_same_seed_is_the_same_walk() -> None:
    X = table(1)
    walks = []
    for seed in (4, 4, 5):
        model = Ridge(solver=StochasticGradientDescent(max_passes=3, tolerance=1e-9, seed=seed))
        with pytest.warns(NotConverged):
            walks.append(model.fit(X, values(1, X)).steps_)
    assert walks[0] == walks[1] != walks[2]


def test_constant_stochastic_steps_admit_that_they_circle() -> None:
    X = table(1)
    solver = StochasticGradientDescent(batch_rows=1, tolerance=1e-9, max_passes=5)
    model = PoissonRegression(solver=solver)
    with pytest.warns(NotConverged, match="keep circling the minimum; let the schedule fall"):
        model.fit(X, np.arange(60) % 5)
    assert len(model.steps_) == 6


def test_too_long_stochastic_steps_say_so() -> None:
    X = table(1)
    solver = StochasticGradientDescent(schedule=Constant(50.0), update=Plain())
    with pytest.raises(BadInput, match=r"diverged in pass .* give the schedule a smaller one"):
        LinearRegression(solver=solver).fit(X, values(1, X))
