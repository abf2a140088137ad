"""The summary agrees with statsmodels, reads well, and says what its numbers mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.outliers_influence import variance_inflation_factor

from northstar.linear import (
    BadInput,
    LinearRegression,
    NotFitted,
    Ridge,
    confidence_intervals,
    load_model,
    robust_covariance,
    save_model,
    summary,
)
from tests.linear.tables import seeds, table, values


@given(seeds, st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_least_squares_agree_with_statsmodels(seed: int, weighted: bool, intercept: bool) -> None:
    X = table(seed)
    y = values(seed, X)
    weights = np.random.default_rng(seed).exponential(size=len(X)) if weighted else np.ones(len(X))
    model = LinearRegression(fit_intercept=intercept).fit(X, y, weights)
    theirs = sm.WLS(y, sm.add_constant(X) if intercept else X, weights=weights).fit()
    ours = summary(model, level=0.9)
    for found, expected in (
        ([row.value for row in ours.coefficients], theirs.params),
        ([row.error for row in ours.coefficients], theirs.bse),
        ([row.statistic for row in ours.coefficients], theirs.tvalues),
        (confidence_intervals(model, 0.9), theirs.conf_int(0.1)),
        (ours.r_squared, theirs.rsquared),
        (ours.adjusted_r_squared, theirs.rsquared_adj),
        (ours.f_statistic, theirs.fvalue),
        (ours.residual_error, np.sqrt(theirs.scale)),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    for row, expected in zip(ours.coefficients, theirs.pvalues, strict=True):
        assert row.p_value == pytest.approx(expected, rel=1e-5)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_variance_inflation_agrees_with_statsmodels(seed: int) -> None:
    X = table(seed)
    found = summary(LinearRegression().fit(X, values(seed, X)))
    standard = sm.add_constant((X - X.mean(axis=0)) / X.std(axis=0))
    expected = [variance_inflation_factor(standard, j + 1) for j in range(X.shape[1])]
    inflation = [row.variance_inflation for row in found.coefficients]
    assert inflation[0] is None
    np.testing.assert_allclose(inflation[1:], expected, rtol=1e-6)


def test_a_stream_has_the_same_summary_as_its_rows() -> None:
    X = table(2, rows=200)
    y = values(2, X)
    batches = [(X[i : i + 30], y[i : i + 30]) for i in range(0, 200, 30)]
    streamed = summary(LinearRegression().fit_stream(batches))
    whole = summary(LinearRegression().fit(X, y))
    for ours, theirs in zip(streamed.coefficients, whole.coefficients, strict=True):
        assert ours.error == pytest.approx(theirs.error, rel=1e-9)
    assert streamed.r_squared == pytest.approx(whole.r_squared)


def test_the_table_names_columns_and_is_aligned() -> None:
    frame = pd.DataFrame(table(1), columns=["age", "a long name", "c", "d"])
    found = summary(LinearRegression().fit(frame, values(1, table(1))))
    lines = str(found).splitlines()
    head = next(i for i, line in enumerate(lines) if "error" in line and "VIF" in line)
    assert [line.split("  ")[0] for line in lines[head + 1 : head + 6]] == [
        "intercept",
        "age",
        "a long name",
        "c",
        "d",
    ]
    assert "on 60 rows, 55 degrees of freedom" in lines[0]
    assert {len(line) for line in lines[head + 2 : head + 6]} == {len(lines[head])}
    assert found.records()[1]["name"] == "age"


def test_dependent_columns_are_said_to_be() -> None:
    X = table(3)
    doubled = np.column_stack([X, X[:, 1]])
    found = summary(LinearRegression().fit(doubled, values(3, X)))
    assert found.condition_number == np.inf
    inflation = [row.variance_inflation for row in found.coefficients[1:]]
    assert [value == np.inf for value in inflation] == [False, True, False, False, True]
    assert "Only 4 of 5 columns are independent" in str(found)


def test_robust_errors_take_the_place_of_the_usual_ones() -> None:
    X = table(4)
    y = values(4, X)
    model = LinearRegression().fit(X, y)
    covariance = robust_covariance(model, X, y, "HC1")
    found = summary(model, covariance=covariance)
    errors = [row.error for row in found.coefficients]
    np.testing.assert_allclose(errors, np.sqrt(np.diagonal(covariance)))
    assert "from the covariance that was given" in str(found)


def test_a_ridge_says_what_its_intervals_mean() -> None:
    X = table(5)
    found = summary(Ridge(alpha=1.0).fit(X, values(5, X)))
    assert "Bayesian" in str(found)
    assert found.f_statistic is None


def test_the_interval_of_a_ridge_is_that_of_its_prior() -> None:
    rng = np.random.default_rng(6)
    covered = []
    for _ in range(400):
        X = rng.normal(size=(25, 3))
        coefficients = rng.normal(size=3)
        y = X @ coefficients + rng.normal(size=25)
        low, high = confidence_intervals(Ridge(alpha=1.0).fit(X, y), 0.9)[1:].T
        covered.append((low <= coefficients) & (coefficients <= high))
    assert np.mean(covered) == pytest.approx(0.9, abs=0.03)


@given(seeds)
@settings(max_examples=5, deadline=None)
def test_intervals_cover_as_often_as_they_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(15, 2))
    covered = []
    for _ in range(300):
        y = X @ [1.0, -2.0] + 3.0 + rng.normal(size=15)
        low, high = confidence_intervals(LinearRegression().fit(X, y), 0.8).T
        covered.append((low <= [3, 1, -2]) & (high >= [3, 1, -2]))
    assert np.mean(covered) == pytest.approx(0.8, abs=0.08)


def test_as_many_parameters_as_rows_leave_nothing_to_say() -> None:
    X = table(7, rows=5)
    found = summary(LinearRegression().fit(X, np.arange(5.0)))
    assert np.isnan(found.coefficients[1].error)
    assert "nothing is known of the errors" in str(found)


def test_what_has_no_errors_is_refused() -> None:
    with pytest.raises(NotFitted):
        summary(LinearRegression())
    with pytest.raises(BadInput, match="level is 95"):
        X = table(8)
        summary(LinearRegression().fit(X, values(8, X)), level=95)


def test_a_constant_target_leaves_nothing_to_explain() -> None:
    found = summary(LinearRegression().fit(table(0), np.full(60, 0.1)))
    assert np.isnan([found.r_squared, found.f_statistic, found.f_p_value]).all()
    assert "constant" in str(found)


def test_a_loaded_model_says_why_it_has_no_errors(tmp_path: Path) -> None:
    save_model(LinearRegression().fit(table(0), values(0, table(0))), tmp_path)
    with pytest.raises(BadInput, match=r"loaded from a file.*fit it anew"):
        summary(load_model(tmp_path))
