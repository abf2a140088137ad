"""Coordinate descent and FISTA: optimality conditions, and agreement with one another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import linear_model as oracle

from northstar.linear import (
    BadInput,
    CoordinateDescent,
    ElasticNetPenalty,
    Fista,
    L1Penalty,
    L2Penalty,
    LogisticLoss,
    Objective,
    Quadratic,
)
from tests.linear.tables import Floats, seeds


def problem(seed: int, rows: int = 60, columns: int = 8) -> tuple[Quadratic, Floats, Floats]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, columns)) + rng.normal(size=(rows, 1))
    y = X[:, :2] @ np.array([3.0, -2.0]) + rng.normal(size=rows)
    return Quadratic.of(X, y, np.full(rows, 1 / rows)), X, y


@given(seeds, st.sampled_from([(60, 8), (6, 20), (1, 3)]), st.floats(0.01, 2.0))
@settings(max_examples=40, deadline=None)
def test_the_lasso_s_conditions_hold_at_its_answer(
    seed: int, shape: tuple[int, int], strength: float
) -> None:
    """Karush, Kuhn and Tucker: each column's pull is the penalty, or less where it has no part."""
    quadratic, _, _ = problem(seed, *shape)
    found = CoordinateDescent(tolerance=1e-14).minimise_penalised(
        quadratic, L1Penalty(strength), np.zeros(shape[1])
    )
    pulls = quadratic.slopes(found.parameters)
    held = found.parameters != 0.0
    assert found.converged
    scale = 1e-5 * np.sqrt(quadratic.square)
    np.testing.assert_allclose(pulls[held], strength * np.sign(found.parameters[held]), atol=scale)
    assert np.all(np.abs(pulls[~held]) <= strength + scale)


@given(seeds, st.floats(0.01, 1.0), st.sampled_from([0.0, 0.3]))
@settings(max_examples=25, deadline=None)
def test_both_solvers_find_the_same(seed: int, l1: float, l2: float) -> None:
    quadratic, _, _ = problem(seed)
    penalty, start = ElasticNetPenalty(l1, l2), np.zeros(8)
    one = CoordinateDescent().minimise_penalised(quadratic, penalty, start)
    other = Fista(tolerance=1e-9).minimise_penalised(quadratic, penalty, start)
    assert one.converged
    assert other.converged
    np.testing.assert_allclose(one.parameters, other.parameters, atol=1e-5)


def test_the_duality_gap_bounds_what_is_left() -> None:
    quadratic, _, _ = problem(1)
    penalty, start = L1Penalty(0.1), np.zeros(8)
    early = CoordinateDescent(max_steps=1).minimise_penalised(quadratic, penalty, start)
    best = CoordinateDescent(tolerance=1e-15).minimise_penalised(quadratic, penalty, start)
    assert not early.converged
    assert 0 < early.steps[0].value - best.steps[-1].value <= early.steps[0].gradient_norm


def test_fista_fits_a_logistic_regression_with_zeros() -> None:
    _, X, y = problem(2)
    outcomes = (y > 0).astype(np.int64)
    objective = Objective(X, outcomes, LogisticLoss(), np.ones(len(X)), np.zeros(8))
    found = Fista(tolerance=1e-9).minimise_penalised(objective, L1Penalty(2.0), np.zeros(8))
    theirs = oracle.LogisticRegression(
        l1_ratio=1.0, C=0.5, solver="saga", fit_intercept=False, tol=1e-10, max_iter=100_000
    ).fit(X, outcomes)
    assert found.converged
    assert (found.parameters == 0.0).any()
    np.testing.assert_allclose(found.parameters, theirs.coef_[0], atol=1e-5)


def test_coordinate_descent_says_what_it_is_for() -> None:
    quadratic, X, y = problem(1)
    objective = Objective(X, y > 0, LogisticLoss(), np.ones(len(X)), np.zeros(8))
    solver = CoordinateDescent()
    with pytest.raises(BadInput, match="use Fista for other losses"):
        solver.minimise_penalised(objective, L1Penalty(1.0), np.zeros(8))
    with pytest.raises(BadInput, match="L1 or elastic net penalty"):
        solver.minimise_penalised(quadratic, L2Penalty(1.0), np.zeros(8))
    with pytest.raises(BadInput, match="all be above 0, or all 0"):
        solver.minimise_penalised(quadratic, L1Penalty(np.arange(8.0)), np.zeros(8))
