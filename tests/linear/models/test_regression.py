"""Least squares: what its answer must satisfy, and agreement with scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import linear_model as oracle

from northstar.linear import BadInput, GradientDescent, LinearRegression, NotFitted, Ridge
from tests.linear.tables import seeds, table, values


@given(seeds)
@settings(deadline=None)
def test_residuals_are_orthogonal_to_the_columns_and_sum_to_zero(seed: int) -> None:
    X = table(seed)
    residuals = values(seed, X) - LinearRegression().fit(X, values(seed, X)).predict(X)
    size = np.linalg.norm(X, axis=0) * np.linalg.norm(residuals)
    assert np.all(np.abs(X.T @ residuals) <= 1e-9 * size)
    assert abs(residuals.sum()) <= 1e-9 * np.abs(residuals).sum()


@given(seeds)
@settings(deadline=None)
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    X = table(seed)
    y, order = values(seed, X), np.random.default_rng(seed).permutation(len(X))
    straight, shuffled = LinearRegression().fit(X, y), LinearRegression().fit(X[order], y[order])
    np.testing.assert_allclose(shuffled.coef_, straight.coef_, rtol=1e-8)


@given(seeds, st.floats(1e-6, 1e6), st.floats(1e-6, 1e6), st.floats(-100, 100))
@settings(deadline=None)
def test_units_of_columns_and_target_only_change_units(
    seed: int, scale: float, unit: float, shift: float
) -> None:
    X = table(seed)
    y, scales = values(seed, X), np.array([scale, 1.0, 1.0, 1 / scale])
    plain = LinearRegression().fit(X, y)
    changed = LinearRegression().fit(X * scales + shift * scales, y * unit)
    np.testing.assert_allclose(changed.coef_, plain.coef_ * unit / scales, rtol=1e-6)


@given(seeds, st.booleans(), st.sampled_from([0.0, 0.1, 10.0]))
@settings(deadline=None)
def test_ridge_and_weights_agree_with_scikit_learn(
    seed: int, intercept: bool, alpha: float
) -> None:
    X = table(seed)
    y, weights = values(seed, X), np.random.default_rng(seed).exponential(size=len(X))
    ours = Ridge(alpha=alpha, fit_intercept=intercept).fit(X, y, weights)
    theirs = (
        oracle.Ridge(alpha=alpha, fit_intercept=intercept, solver="svd")
        if alpha
        else oracle.LinearRegression(fit_intercept=intercept, tol=1e-14)
    ).fit(X, y, weights)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-6, atol=1e-6)


@given(seeds)
@settings(deadline=None)
def test_a_weight_of_two_is_the_row_twice(seed: int) -> None:
    X = table(seed, rows=30)
    y, counts = values(seed, X), np.random.default_rng(seed).integers(0, 3, 30)
    counts[:8] = 1
    weighted = LinearRegression().fit(X, y, counts)
    repeated = LinearRegression().fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-6)


@given(seeds)
@settings(deadline=None)
def test_of_many_solutions_the_shortest_is_taken(seed: int) -> None:
    X = np.random.default_rng(seed).normal(5, 2, size=(60, 4))
    X = np.column_stack([X, X[:, 0], X[:, 1] - 2 * X[:, 2], np.full(len(X), 7.3)])
    model = LinearRegression().fit(X, values(seed, X))
    centred = X - X.mean(axis=0)
    centred[:, -1] = 0.0
    shortest = np.linalg.lstsq(centred, values(seed, X) - values(seed, X).mean(), rcond=1e-10)[0]
    assert model.rank_ == 4
    np.testing.assert_allclose(model.coef_, shortest, atol=1e-9)


def test_more_columns_than_rows_fit_exactly() -> None:
    X = table(5, rows=5, columns=12)
    y = np.arange(5.0)
    model = LinearRegression().fit(X, y)
    assert model.rank_ == 4
    np.testing.assert_allclose(model.predict(X), y, atol=1e-9)


def test_a_column_far_from_zero_keeps_its_digits() -> None:
    clock = 1.7e9 + np.arange(1000.0)
    model = LinearRegression().fit(clock[:, None], 3.0 + 2.0 * (clock - 1.7e9))
    assert model.coef_[0] == pytest.approx(2.0, rel=1e-12)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_gradient_descent_reaches_the_closed_form_and_never_climbs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(80, 3)) * [1.0, 1e3, 1e-3] + [0.0, 50.0, 1.0]
    y = values(seed, X)
    exact, walked = Ridge(alpha=0.5), Ridge(alpha=0.5, solver=GradientDescent(tolerance=1e-10))
    exact.fit(X, y)
    walked.fit(X, y)
    np.testing.assert_allclose(walked.predict(X), exact.predict(X), rtol=1e-6, atol=1e-8)
    costs = np.array([step.value for step in walked.steps_])
    assert np.all(np.diff(costs) <= 1e-12 * costs[:-1])
    assert walked.steps_[-1].gradient_norm <= 1e-10 * walked.steps_[0].gradient_norm


def test_too_large_a_step_says_so() -> None:
    X = table(1)
    model = LinearRegression(solver=GradientDescent(step_size=10.0))
    with pytest.raises(BadInput, match=r"diverged after .* use a smaller step_size"):
        model.fit(X, values(1, X))


def test_a_model_that_has_not_learnt_says_so() -> None:
    with pytest.raises(NotFitted, match="call fit first"):
        LinearRegression().predict(np.ones((2, 2)))


@given(seeds, st.booleans(), st.floats(1e-3, 1e3))
@settings(max_examples=15, deadline=None)
def test_a_ridge_on_more_columns_than_rows_solves_the_normal_equations(
    seed: int, intercept: bool, alpha: float
) -> None:
    generator = np.random.default_rng(seed)
    X, weights = generator.normal(3.0, size=(20, 320)), generator.uniform(0.5, 2.0, 20)
    y = X[:, 0] + generator.normal(size=20)
    model = Ridge(alpha=alpha, fit_intercept=intercept).fit(X, y, weights)
    design = np.column_stack([np.ones(20), X]) if intercept else X
    penalty = alpha * np.eye(design.shape[1])
    penalty[0, 0] *= not intercept
    inverse = np.linalg.inv(design.T @ (weights[:, None] * design) + penalty)
    found = np.append(model.intercept_, model.coef_) if intercept else model.coef_
    expected = inverse @ design.T @ (weights * y)
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())
    size = np.abs(inverse).max()
    np.testing.assert_allclose(model.unscaled_covariance_, inverse, atol=1e-6 * size)


def test_a_solver_of_the_wrong_kind_is_named() -> None:
    with pytest.raises(BadInput, match=r"solver is 7; a name such as 'auto'"):
        LinearRegression(solver=7).fit(table(0), values(0, table(0)))
