"""Huber and quantile regression: agreement with others, exactness, and what outliers cannot do."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import linear_model as oracle

from northstar.linear import (
    FrischNewton,
    HuberRegression,
    LinearRegression,
    Newton,
    NotConverged,
    QuantileRegression,
)
from tests.linear.tables import KINDS, Floats, kind_of_table, seeds, table, values


def pinball(y: Floats, predicted: Floats, weights: Floats, quantile: float) -> float:
    errors = y - predicted
    return float(weights @ np.maximum(quantile * errors, (quantile - 1) * errors))


def huber(y: Floats, predicted: Floats, weights: Floats, scale: float, epsilon: float) -> float:
    z = np.abs(y - predicted) / scale
    cost = np.where(z <= epsilon, z**2, 2 * epsilon * z - epsilon**2)
    return float(weights @ (scale + scale * cost))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("wide", "one row")])
@given(seed=seeds, epsilon=st.sampled_from([1.2, 1.35, 2.0]), intercept=st.booleans())
@settings(max_examples=10, deadline=None)
def test_huber_s_objective_is_as_low_as_scikit_learn_s(
    kind: str, seed: int, epsilon: float, intercept: bool
) -> None:
    X, y, weights = kind_of_table(kind, seed)
    ours = HuberRegression(epsilon=epsilon, alpha=0.0, fit_intercept=intercept).fit(X, y, weights)
    theirs = oracle.HuberRegressor(
        epsilon=epsilon, alpha=0.0, fit_intercept=intercept, tol=1e-9, max_iter=5000
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs does not always get there
        theirs.fit(X, y, weights)
    mine = huber(y, ours.predict(X), weights, ours.scale_, epsilon)
    other = huber(y, theirs.predict(X), weights, theirs.scale_, epsilon)
    assert ours.solver_report_.converged
    assert mine <= other * (1 + 1e-9)
    assert ours.outliers_.shape == (np.count_nonzero(weights),)


@given(seeds, st.sampled_from([0.0, 0.5, 20.0]))
@settings(max_examples=15, deadline=None)
def test_huber_s_coefficients_agree_with_scikit_learn(seed: int, alpha: float) -> None:
    X = np.random.default_rng(seed).normal(size=(80, 3))
    y = values(seed, X) + 30.0 * (np.arange(80) % 10 == 0)
    ours = HuberRegression(alpha=alpha).fit(X, y)
    theirs = oracle.HuberRegressor(alpha=alpha, tol=1e-9, max_iter=5000).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-3)
    assert ours.scale_ == pytest.approx(theirs.scale_, rel=1e-3)


def test_wild_rows_pull_only_so_far() -> None:
    X = np.random.default_rng(0).normal(size=(200, 2))
    y = X @ [2.0, -1.0] + 0.1 * np.random.default_rng(1).normal(size=200)
    y[:20] += 1e6
    robust, plain = HuberRegression().fit(X, y), LinearRegression().fit(X, y)
    np.testing.assert_allclose(robust.coef_, [2.0, -1.0], atol=0.1)
    assert np.abs(plain.coef_ - [2.0, -1.0]).max() > 100
    assert robust.outliers_[:20].all()


@given(seeds, st.floats(1e-100, 1e100))
@settings(max_examples=20, deadline=None)
def test_units_of_the_target_only_change_units(seed: int, unit: float) -> None:
    X = table(seed)
    y = values(seed, X)
    for model in (HuberRegression(alpha=0.0), QuantileRegression(quantile=0.3)):
        plain = model.fit(X, y).coef_
        np.testing.assert_allclose(model.fit(X, y * unit).coef_ / unit, plain, rtol=1e-6)


def test_an_exact_fit_has_no_scale() -> None:
    X = table(5)
    y = X @ [1.0, 2.0, 3.0, 4.0] + 5.0
    for model in (HuberRegression(alpha=0.0), QuantileRegression()):
        np.testing.assert_allclose(model.fit(X, y).predict(X), y, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@given(seed=seeds, quantile=st.sampled_from([0.05, 0.5, 0.8]), intercept=st.booleans())
@settings(max_examples=10, deadline=None)
def test_no_line_costs_less_than_the_quantile_s(
    kind: str, seed: int, quantile: float, intercept: bool
) -> None:
    X, y, weights = kind_of_table(kind, seed)
    ours = QuantileRegression(quantile=quantile, fit_intercept=intercept).fit(X, y, weights)
    theirs = oracle.QuantileRegressor(quantile=quantile, alpha=0.0, fit_intercept=intercept)
    theirs.fit(X, y, weights)
    mine = pinball(y, ours.predict(X), weights, quantile)
    other = pinball(y, theirs.predict(X), weights, quantile)
    assert ours.solver_report_.converged
    assert mine <= other + 1e-9 * np.abs(y).sum()


@given(seeds, st.sampled_from([0.1, 0.5, 0.9]))
@settings(max_examples=15, deadline=None)
def test_quantiles_agree_with_statsmodels(seed: int, quantile: float) -> None:
    X = np.random.default_rng(seed).normal(size=(101, 3))
    y = values(seed, X)
    ours = QuantileRegression(quantile=quantile).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs may go in circles around the corner
        theirs = sm.QuantReg(y, sm.add_constant(X)).fit(q=quantile)
    mine = pinball(y, ours.predict(X), np.ones(101), quantile)
    other = pinball(y, theirs.predict(sm.add_constant(X)), np.ones(101), quantile)
    assert mine <= other * (1 + 1e-9)
    np.testing.assert_allclose(ours.coef_, theirs.params[1:], atol=0.05)


@given(seeds, st.floats(0.02, 0.98), st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_the_quantile_s_share_of_rows_lies_below(seed: int, quantile: float, digits: int) -> None:
    """Koenker and Bassett, theorem 3.4; rounded values tie, and ties count for either side."""
    X = np.random.default_rng(seed).normal(size=(150, 3)).round(digits)
    y = values(seed, X).round(digits)
    model = QuantileRegression(quantile=quantile).fit(X, y)
    errors = y - model.predict(X)
    assert (errors < -1e-7).sum() <= quantile * 150 + 1e-6 <= 150 - (errors > 1e-7).sum() + 1e-6
    assert (np.abs(errors) <= 1e-7).sum() >= 4


def test_quantiles_of_counts_with_many_ties_are_exact() -> None:
    rng = np.random.default_rng(3)
    X = rng.integers(0, 3, size=(400, 3)).astype(float)
    y = rng.poisson(1 + X[:, 0]).astype(float)
    for quantile in (0.25, 0.5, 0.9):
        ours = QuantileRegression(quantile=quantile).fit(X, y)
        theirs = oracle.QuantileRegressor(quantile=quantile, alpha=0.0).fit(X, y)
        mine, other = (pinball(y, m.predict(X), np.ones(400), quantile) for m in (ours, theirs))
        assert mine == pytest.approx(other, rel=1e-10)
        assert ours.solver_report_.converged


def test_running_out_of_steps_is_admitted() -> None:
    X = table(2)
    y = values(2, X) ** 3
    with pytest.warns(NotConverged):
        QuantileRegression(quantile=0.9, solver=FrischNewton(max_steps=1)).fit(X, y)
    with pytest.warns(NotConverged):
        HuberRegression(solver=Newton(max_steps=1)).fit(X, y)
