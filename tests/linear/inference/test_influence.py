"""Leverage, Cook's distance and robust errors agree with statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings

from northstar.linear import BadInput, LinearRegression, Ridge, influence, robust_covariance
from tests.linear.tables import seeds, table, values


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_influence_agrees_with_statsmodels(seed: int) -> None:
    X = table(seed)
    y = values(seed, X)
    found = influence(LinearRegression().fit(X, y), X, y)
    theirs = sm.OLS(y, sm.add_constant(X)).fit().get_influence()
    for ours, expected in (
        (found.leverage, theirs.hat_matrix_diag),
        (found.standardised, theirs.resid_studentized_internal),
        (found.studentised, theirs.resid_studentized_external),
        (found.cooks_distance, theirs.cooks_distance[0]),
    ):
        np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-8)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_robust_errors_agree_with_statsmodels(seed: int) -> None:
    X = table(seed)
    y, weights = values(seed, X), np.random.default_rng(seed).exponential(size=len(X))
    model = LinearRegression().fit(X, y, weights)
    theirs = sm.WLS(y, sm.add_constant(X), weights=weights).fit()
    for kind in ("HC0", "HC1", "HC2", "HC3"):
        found = robust_covariance(model, X, y, kind, weights)
        expected = getattr(theirs, f"cov_{kind}")
        scale = np.sqrt(np.diagonal(expected))
        np.testing.assert_allclose(
            found / np.outer(scale, scale), expected / np.outer(scale, scale), atol=1e-5
        )


def test_robust_errors_are_right_where_the_usual_ones_are_not() -> None:
    rng = np.random.default_rng(0)
    estimates, usual, robust = [], [], []
    X = rng.normal(size=(200, 1))
    for _ in range(300):
        y = X[:, 0] + X[:, 0] * rng.normal(size=200)
        model = LinearRegression().fit(X, y)
        estimates.append(model.coef_[0])
        dof = model.degrees_of_freedom_
        usual.append(model.residual_sum_of_squares_ / dof * model.unscaled_covariance_[1, 1])
        robust.append(robust_covariance(model, X, y)[1, 1])
    true = np.std(estimates)
    assert np.sqrt(np.mean(robust)) == pytest.approx(true, rel=0.1)
    assert np.sqrt(np.mean(usual)) < 0.75 * true


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_leverages_add_up_to_what_was_estimated(seed: int) -> None:
    X = table(seed)
    X = np.column_stack([X, X[:, 0] + X[:, 1], np.full(len(X), 3.0)])
    y = values(seed, X[:, :4])
    plain = influence(LinearRegression().fit(X, y), X, y)
    assert plain.leverage.sum() == pytest.approx(5.0)
    ridge = influence(Ridge(alpha=10.0).fit(X, y), X, y)
    assert ridge.leverage.sum() < plain.leverage.sum()


def test_cooks_distance_is_how_far_the_fit_moves_without_the_row() -> None:
    X = table(3)
    y = values(3, X)
    model = LinearRegression().fit(X, y)
    found = influence(model, X, y).cooks_distance
    rest = np.arange(len(X)) != 7
    moved = model.predict(X) - LinearRegression().fit(X[rest], y[rest]).predict(X)
    variance = model.residual_sum_of_squares_ / model.degrees_of_freedom_
    assert found[7] == pytest.approx(moved @ moved / (5 * variance))


def test_an_unknown_kind_is_refused() -> None:
    X = table(1)
    y = values(1, X)
    with pytest.raises(BadInput, match="use one of HC0"):
        robust_covariance(LinearRegression().fit(X, y), X, y, "HC4")  # type: ignore[arg-type] # that is the point
