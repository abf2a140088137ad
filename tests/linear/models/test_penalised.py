"""Lasso and elastic net: agreement with scikit-learn on tables of every kind, and the path."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import linear_model as oracle

from northstar.linear import (
    BadInput,
    CoordinateDescent,
    ElasticNet,
    Fista,
    Lasso,
    NotConverged,
    Ridge,
    elastic_net_path,
)
from tests.linear.tables import KINDS, Floats, kind_of_table, seeds, table, values


def cost(model: Any, X: Floats, y: Floats, weights: Floats, alpha: float, ratio: float) -> float:
    residuals = y - X @ model.coef_ - model.intercept_
    fit = weights @ np.square(residuals) / (2 * weights.sum())
    size = np.abs(model.coef_)
    return float(fit + alpha * (ratio * size.sum() + 0.5 * (1 - ratio) * size @ size))


@pytest.mark.parametrize("kind", KINDS)
@given(
    seed=seeds,
    alpha=st.sampled_from([0.01, 0.3]),
    ratio=st.sampled_from([0.1, 0.7, 1.0]),
    intercept=st.booleans(),
)
@settings(max_examples=10, deadline=None)
def test_the_objective_is_as_low_as_scikit_learn_s(
    kind: str, seed: int, alpha: float, ratio: float, intercept: bool
) -> None:
    X, y, weights = kind_of_table(kind, seed)
    ours = ElasticNet(alpha=alpha, l1_ratio=ratio, fit_intercept=intercept).fit(X, y, weights)
    theirs = oracle.ElasticNet(
        alpha=alpha, l1_ratio=ratio, fit_intercept=intercept, tol=1e-12, max_iter=20_000
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs does not always get there
        theirs.fit(X, y, weights)
    mine, other = (cost(each, X, y, weights, alpha, ratio) for each in (ours, theirs))
    assert ours.solver_report_.converged
    assert mine <= other + 1e-9 * (y @ y)


@given(seeds, st.sampled_from([0.02, 0.2, 2.0]))
@settings(max_examples=20, deadline=None)
def test_coefficients_agree_with_scikit_learn(seed: int, alpha: float) -> None:
    X = np.random.default_rng(seed).normal(size=(80, 6)) * [1.0, 10.0, 0.1, 1.0, 1.0, 3.0]
    y = values(seed, X)
    ours = Lasso(alpha=alpha).fit(X, y)
    theirs = oracle.Lasso(alpha=alpha, tol=1e-13, max_iter=50_000).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6, atol=1e-7)
    assert ((ours.coef_ == 0.0) == (theirs.coef_ == 0.0)).all()
    assert ours.intercept_ == pytest.approx(theirs.intercept_, abs=1e-6)


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_fista_ends_where_coordinate_descent_does(seed: int) -> None:
    X = np.random.default_rng(seed).normal(size=(80, 4)) + 5.0
    y = values(seed, X)
    one, other = Lasso(alpha=0.1), Lasso(alpha=0.1, solver=Fista(tolerance=1e-9))
    np.testing.assert_allclose(one.fit(X, y).coef_, other.fit(X, y).coef_, atol=1e-5)


def test_without_a_penalty_it_is_least_squares_and_without_l1_a_ridge() -> None:
    X = table(1)
    y = values(1, X)
    plain, ridge = Lasso(alpha=0.0).fit(X, y), ElasticNet(alpha=0.3, l1_ratio=0.0).fit(X, y)
    np.testing.assert_allclose(plain.predict(X), Ridge(alpha=0.0).fit(X, y).predict(X), atol=1e-6)
    exact = Ridge(alpha=0.3 * len(X)).fit(X, y)
    np.testing.assert_allclose(ridge.predict(X), exact.predict(X), atol=1e-7)


@given(seeds, st.floats(1e-120, 1e120))
@settings(max_examples=20, deadline=None)
def test_the_lasso_of_scaled_values_is_scaled(seed: int, unit: float) -> None:
    X = table(seed)
    y = values(seed, X)
    plain, scaled = Lasso(alpha=0.1).fit(X, y), Lasso(alpha=0.1 * unit).fit(X, y * unit)
    np.testing.assert_allclose(scaled.coef_ / unit, plain.coef_, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_columns_of_extreme_units_keep_their_answer(unit: float) -> None:
    X = np.random.default_rng(0).normal(size=(50, 2))
    y = X @ [1.0, 2.0]
    model = Lasso(alpha=1e-6 / unit if unit < 1 else 1e-6).fit(X * [unit, 1.0], y)
    assert np.isfinite(model.coef_).all()
    big = Lasso(alpha=1e-9).fit(X * [1e200, 1.0], y)
    np.testing.assert_allclose(big.coef_ * [1e200, 1.0], [1.0, 2.0], atol=1e-6)


def test_a_path_goes_from_nothing_to_nearly_everything() -> None:
    X = table(4)
    y = values(4, X)
    path = elastic_net_path(X, y, l1_ratio=0.8, alphas=20)
    assert path.converged.all()
    assert np.abs(path.coefs[:, 0]).max() <= 1e-12
    for k in (3, 11, 19):
        single = ElasticNet(alpha=path.alphas[k], l1_ratio=0.8).fit(X, y)
        np.testing.assert_allclose(path.coefs[:, k], single.coef_, rtol=1e-5, atol=1e-8)
        assert path.intercepts[k] == pytest.approx(single.intercept_, abs=1e-5)
    fits = [np.square(y - X @ path.coefs[:, k] - path.intercepts[k]).sum() for k in range(20)]
    assert np.all(np.diff(fits) <= 1e-9)


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"alphas": [-1.0]}, "not negative"),
        ({"alphas": 0}, "at least one alpha"),
        ({"l1_ratio": 0.0}, "name the alphas"),
        ({"smallest": 2.0}, "smallest is between"),
    ],
)
def test_a_bad_path_is_refused(settings_: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        elastic_net_path(table(1), np.arange(60.0), **settings_)


def test_running_out_of_sweeps_is_admitted() -> None:
    X = table(1)
    with pytest.warns(NotConverged, match="Lasso did not converge in 1 steps"):
        Lasso(alpha=0.01, solver=CoordinateDescent(max_steps=1)).fit(X, values(1, X))
