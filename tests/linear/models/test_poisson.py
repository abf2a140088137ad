"""Poisson regression: agreement with scikit-learn and statsmodels, exposures, and honesty."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import linear_model as oracle

from northstar.linear import GradientDescent, NotConverged, PoissonRegression
from tests.linear.tables import KINDS, Floats, kind_of_table, seeds, table


def counts(seed: int, X: Floats) -> Floats:
    rng = np.random.default_rng(seed)
    spread = X.std(axis=0)
    scores = (
        (X - X.mean(axis=0))
        / np.where(spread > 1e-9, spread, 1.0)
        @ rng.normal(scale=0.3, size=X.shape[1])
    )
    drawn = rng.poisson(np.exp(scores + 0.5)).astype(float)
    drawn[0] += 1.0
    return drawn


def cost(model: Any, X: Floats, y: Floats, weights: Floats, alpha: float) -> float:
    scores = X @ model.coef_ + model.intercept_
    fit = weights @ (np.exp(scores) - y * scores) / weights.sum()
    return float(fit + 0.5 * alpha * np.sum(np.square(model.coef_)))


@pytest.mark.parametrize("kind", KINDS)
@given(seed=seeds, alpha=st.sampled_from([0.01, 1.0]), intercept=st.booleans())
@settings(max_examples=10, deadline=None)
def test_predictions_agree_with_scikit_learn(
    kind: str, seed: int, alpha: float, intercept: bool
) -> None:
    X, _, weights = kind_of_table(kind, seed)
    X = X if intercept else X / (np.abs(X).max(axis=0) + 1e-9)  # exp of large scores overflows
    weights[0] = max(weights[0], 0.5)
    y = counts(seed, X)
    ours = PoissonRegression(alpha=alpha, fit_intercept=intercept).fit(X, y, weights)
    theirs = oracle.PoissonRegressor(
        alpha=alpha, fit_intercept=intercept, tol=1e-11, solver="newton-cholesky", max_iter=1000
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs minds a matrix without full rank
        theirs.fit(X, y, weights)
    assert ours.solver_report_.converged
    mine, other = (cost(each, X, y, weights, alpha) for each in (ours, theirs))
    assert mine <= other + 1e-9 * (1 + abs(other))
    if kind == "badly scaled":
        return  # theirs does not always get there
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-4)
    if len(X) > 1:
        assert ours.score(X, y, weights) == pytest.approx(theirs.score(X, y, weights), abs=1e-6)


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_exposures_are_weights_and_covariances_agree_with_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(120, 3)) * [1.0, 50.0, 0.02] + [0.0, 100.0, 0.0]
    hours = rng.uniform(0.5, 10.0, 120)
    events = rng.poisson(hours * np.exp(0.3 * X[:, 0] - 0.5))
    ours = PoissonRegression(alpha=0.0).fit(X, events / hours, hours)
    family = sm.families.Poisson()
    theirs = sm.GLM(events, sm.add_constant(X), family=family, exposure=hours).fit(tol=1e-12)
    np.testing.assert_allclose([ours.intercept_, *ours.coef_], theirs.params, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(ours.unscaled_covariance_, theirs.cov_params(), rtol=1e-5)


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_gradient_descent_ends_where_newton_does(seed: int) -> None:
    X = np.random.default_rng(seed).normal(size=(80, 3)) * [1.0, 30.0, 0.1]
    y = counts(seed, X)
    newton = PoissonRegression(alpha=0.1).fit(X, y)
    walked = PoissonRegression(alpha=0.1, solver=GradientDescent(tolerance=1e-9)).fit(X, y)
    np.testing.assert_allclose(walked.predict(X), newton.predict(X), rtol=1e-5)


def test_on_average_it_predicts_what_was_counted() -> None:
    X = np.random.default_rng(1).normal(size=(90, 3))
    y = counts(1, X)
    model = PoissonRegression(alpha=0.5).fit(X, y)
    assert model.predict(X).mean() == pytest.approx(y.mean(), rel=1e-9)


def test_a_group_that_never_counts_has_no_finite_answer_and_says_so() -> None:
    group = np.arange(100) % 2
    y = np.where(group == 0, 0, np.arange(100) % 5)
    with pytest.warns(NotConverged, match=r"separation.*add a penalty"):
        PoissonRegression(alpha=0.0).fit(group[:, None], y)
    assert PoissonRegression(alpha=1e-3).fit(group[:, None], y).solver_report_.converged


@given(seeds, st.sampled_from([1e-9, 1e9]))
@settings(max_examples=10, deadline=None)
def test_the_unit_of_the_weights_does_not_matter(seed: int, unit: float) -> None:
    X = table(seed)
    y, weights = counts(seed, X), np.random.default_rng(seed).exponential(size=len(X))
    model, scaled = PoissonRegression(alpha=0.0), PoissonRegression(alpha=0.0)
    np.testing.assert_allclose(
        scaled.fit(X, y, unit * weights).coef_, model.fit(X, y, weights).coef_, rtol=1e-6, atol=1e-9
    )
