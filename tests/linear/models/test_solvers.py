"""Every solver, every way rows come in, and other libraries: the same answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import linear_model as oracle

from northstar.linear import (
    BadInput,
    GradientDescent,
    LinearRegression,
    Ridge,
    model_from_json,
    model_to_json,
)
from tests.linear.tables import Floats, seeds, table, values

DIRECT = ("auto", "qr", "cholesky", "householder", "svd", "refined")


def _dependent(X: Floats) -> Floats:
    return np.column_stack([X, X[:, 0] - 2.0 * X[:, 1], X[:, 2]])


SHAPES: dict[str, Callable[[Floats], Floats]] = {
    "tall": lambda X: X,
    "wide": lambda X: X[:3],
    "one row": lambda X: X[:1],
    "dependent": _dependent,
    "badly scaled": lambda X: X * [1e-4, 1.0, 1e3, 1e6],
    "constant": lambda X: np.column_stack([X, np.full(len(X), 2013.7)]),
}


@pytest.mark.parametrize("shape", SHAPES)
@given(seed=seeds, weighted=st.booleans(), intercept=st.booleans())
@settings(max_examples=15, deadline=None)
def test_predictions_agree_with_scikit_learn(
    shape: str, seed: int, weighted: bool, intercept: bool
) -> None:
    full = np.random.default_rng(seed).normal(3.0, 2.0, size=(60, 4))
    X = SHAPES[shape](full)
    y = values(seed, full)[: len(X)]
    weights = np.random.default_rng(seed).exponential(size=len(X)) if weighted else None
    ours = LinearRegression(fit_intercept=intercept).fit(X, y, weights)
    theirs = oracle.LinearRegression(fit_intercept=intercept, tol=1e-13).fit(X, y, weights)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-7, atol=1e-7)
    # Theirs gives a constant column a coefficient made of rounding; ours gives 0.
    known = slice(4 if shape == "constant" else None)
    np.testing.assert_allclose(ours.coef_[known], theirs.coef_[known], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("shape", SHAPES)
@given(seed=seeds, intercept=st.booleans())
@settings(max_examples=8, deadline=None)
def test_a_ridge_agrees_with_scikit_learn(shape: str, seed: int, intercept: bool) -> None:
    full = np.random.default_rng(seed).normal(3.0, 2.0, size=(60, 4))
    X = SHAPES[shape](full)
    y, weights = values(seed, full)[: len(X)], np.random.default_rng(seed).exponential(size=len(X))
    ours = Ridge(alpha=2.0, fit_intercept=intercept).fit(X, y, weights)
    theirs = oracle.Ridge(alpha=2.0, fit_intercept=intercept, solver="svd").fit(X, y, weights)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-7, atol=1e-7)


@given(seed=seeds, intercept=st.booleans())
@settings(max_examples=15, deadline=None)
def test_standard_errors_agree_with_statsmodels(seed: int, intercept: bool) -> None:
    X = table(seed)
    y, weights = values(seed, X), np.random.default_rng(seed).exponential(size=len(X))
    ours = LinearRegression(fit_intercept=intercept).fit(X, y, weights)
    design = sm.add_constant(X, has_constant="add") if intercept else X
    theirs = sm.WLS(y, design, weights).fit()
    assert ours.degrees_of_freedom_ == theirs.df_resid
    assert ours.residual_sum_of_squares_ == pytest.approx(theirs.ssr)
    variance = ours.residual_sum_of_squares_ / ours.degrees_of_freedom_
    errors = np.sqrt(variance * np.diagonal(ours.unscaled_covariance_))
    np.testing.assert_allclose(errors, theirs.bse, rtol=1e-6)
    total = theirs.centered_tss if intercept else theirs.uncentered_tss
    assert ours.triangle_.total_sum_of_squares == pytest.approx(total)


@pytest.mark.parametrize("solver", DIRECT)
@given(seed=seeds, alpha=st.sampled_from([0.0, 2.0]), intercept=st.booleans())
@settings(max_examples=10, deadline=None)
def test_the_solvers_agree(solver: str, seed: int, alpha: float, intercept: bool) -> None:
    X = np.random.default_rng(seed).normal(2.0, 1.0, size=(40, 3)) * [1.0, 1e3, 1e-3]
    y, weights = values(seed, X), np.random.default_rng(seed).exponential(size=40)
    exact = Ridge(alpha=alpha, fit_intercept=intercept, solver="refined").fit(X, y, weights)
    other = Ridge(alpha=alpha, fit_intercept=intercept, solver=solver).fit(X, y, weights)
    np.testing.assert_allclose(other.coef_, exact.coef_, rtol=1e-8)
    assert other.intercept_ == pytest.approx(exact.intercept_, rel=1e-8, abs=1e-8)
    np.testing.assert_allclose(other.unscaled_covariance_, exact.unscaled_covariance_, rtol=1e-7)
    squares = exact.residual_sum_of_squares_
    assert other.residual_sum_of_squares_ == pytest.approx(squares)
    assert squares == pytest.approx(float(weights @ np.square(y - exact.predict(X))))


@pytest.mark.parametrize("kind", [LinearRegression, Ridge])
@given(
    seed=seeds,
    cuts=st.lists(st.integers(1, 59), unique=True, max_size=9),
    weighted=st.booleans(),
    dependent=st.booleans(),
)
@settings(max_examples=15, deadline=None)
def test_streams_and_parts_give_the_fit_of_the_whole(
    kind: type[Ridge], seed: int, cuts: list[int], weighted: bool, dependent: bool
) -> None:
    X = table(seed)
    y, parts = values(seed, X), np.split(np.arange(60), sorted(cuts))
    X = _dependent(X) if dependent else X
    weights = np.random.default_rng(seed).exponential(size=60) if weighted else None

    def batches() -> Iterator[tuple[Any, ...]]:
        for rows in parts:
            yield (X[rows], y[rows]) if weights is None else (X[rows], y[rows], weights[rows])

    whole = kind(solver="qr").fit(X, y, weights)
    streamed, stepped = kind().fit_stream(batches()), kind()
    for batch in batches():
        stepped.partial_fit(*batch)
    merged, *others = [kind().fit(*batch) for batch in batches()]
    for other in others:
        merged.merge(other)
    for model in (streamed, stepped, merged):
        assert (model.rank_, model.degrees_of_freedom_) == (whole.rank_, whole.degrees_of_freedom_)
        size = np.abs(whole.coef_).max()
        np.testing.assert_allclose(model.coef_, whole.coef_, rtol=1e-7, atol=1e-7 * size)
        np.testing.assert_allclose(model.predict(X), whole.predict(X), rtol=1e-7, atol=1e-9)
        squares = model.residual_sum_of_squares_
        assert squares == pytest.approx(whole.residual_sum_of_squares_)


def test_a_row_of_weight_zero_does_not_count() -> None:
    X, weights = table(2), np.ones(60)
    y = values(2, X)
    weights[40:] = 0.0
    weighted, fewer = LinearRegression().fit(X, y, weights), LinearRegression().fit(X[:40], y[:40])
    np.testing.assert_allclose(weighted.coef_, fewer.coef_, rtol=1e-9)
    assert weighted.degrees_of_freedom_ == fewer.degrees_of_freedom_


def test_auto_says_what_it_chose_and_why() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 3)), rng.normal(size=100)
    near = np.column_stack([X, X[:, 0] + 1e-6 * rng.normal(size=100)])
    large = rng.normal(size=(250_000, 4))
    steep = np.column_stack([large, large[:, 0] + 1e-6 * rng.normal(size=250_000)])
    assert _said(LinearRegression().fit(X, y)) == ("qr", "far from depending")
    assert _said(LinearRegression().fit(near, y)) == ("refined", "about 7 of 16 digits")
    assert _said(LinearRegression().fit_stream([(near, y)])) == ("qr", "needs all rows in one fit")
    assert _said(LinearRegression().fit(_dependent(X), y)) == ("svd", "2 of 5 columns")
    assert _said(LinearRegression().fit(large, large[:, 0])) == ("qr", "far from depending")
    noisy = large[:, 0] + rng.normal(size=250_000)
    assert _said(LinearRegression().fit(large, noisy)) == ("cholesky", "far from depending")
    assert _said(LinearRegression().fit(np.tile(steep, (5, 1)), np.tile(noisy, 5))) == (
        "qr",
        "ten times the time",
    )
    walked = LinearRegression(solver=GradientDescent()).fit(X, y)
    assert _said(walked) == ("GradientDescent", "asked for")
    assert walked.solver_report_.converged
    assert "converged after" in str(walked.solver_report_)


def test_refinement_wins_back_what_a_large_condition_costs() -> None:
    rng = np.random.default_rng(0)
    X = rng.integers(-8, 9, size=(50, 3)).astype(np.float64)
    X[:, 0] += 2.0**30 * rng.integers(1, 9, 50)
    X[:, 2] += X[:, 0]
    y = X.sum(axis=1)
    model = LinearRegression(fit_intercept=False).fit(X, y)
    plain = LinearRegression(fit_intercept=False, solver="qr").fit(X, y)
    assert np.abs(model.coef_ - 1.0).max() < np.abs(plain.coef_ - 1.0).max() / 10


def _said(model: LinearRegression) -> tuple[str, str]:
    """The solver, and the known reason that its report gives."""
    report = model.solver_report_
    known = (
        "far from depending",
        "needs all rows in one fit",
        "ten times the time",
        "about 7 of 16 digits",
        "2 of 5 columns",
        "asked for",
    )
    return report.solver, next(words for words in known if words in str(report))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda X, y: LinearRegression(solver="magic").fit(X, y), "no solver 'magic'; there are"),
        (lambda X, y: Ridge(alpha=-1.0).fit(X, y), "alpha is -1.0"),
        (lambda X, y: Ridge(alpha=float("nan")).fit(X, y), "alpha is nan"),
        (lambda X, y: LinearRegression().fit_stream([]), "no batches"),
        (
            lambda X, y: LinearRegression(solver=GradientDescent()).partial_fit(X, y),
            "GradientDescent needs all rows",
        ),
        (
            lambda X, y: LinearRegression(solver="cholesky").fit(_dependent(X), y),
            "columns depend on each other",
        ),
        (
            lambda X, y: LinearRegression().fit(X, y).merge(LinearRegression().fit(X[:, :2], y)),
            "same columns",
        ),
        (
            lambda X, y: (
                LinearRegression().fit(X, y).merge(LinearRegression(fit_intercept=False).fit(X, y))
            ),
            "fit_intercept",
        ),
        (
            lambda X, y: _loaded(LinearRegression().fit(X, y)).partial_fit(X, y),
            "loaded from a file",
        ),
        (lambda X, y: LinearRegression().fit(X, y).partial_fit(X[:, :2], y), r"\b4\b"),
    ],
)
def test_what_cannot_be_done_says_what_can(act: Callable[..., object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        act(table(0), values(0, table(0)))


def _loaded(model: LinearRegression) -> LinearRegression:
    loaded = model_from_json(model_to_json(model))
    assert isinstance(loaded, LinearRegression)
    return loaded
