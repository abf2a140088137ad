"""Intervals of predictions agree with statsmodels and hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from northstar.linear import (
    LinearRegression,
    mean_interval,
    prediction_interval,
)
from tests.linear.tables import seeds, table, values


@given(seeds, st.booleans())
@settings(max_examples=20, deadline=None)
def test_intervals_agree_with_statsmodels(seed: int, intercept: bool) -> None:
    X, new = table(seed), table(seed, rows=7)
    y = values(seed, X)
    model = LinearRegression(fit_intercept=intercept).fit(X, y)
    added = (lambda m: sm.add_constant(m, has_constant="add")) if intercept else np.asarray
    theirs = sm.OLS(y, added(X)).fit().get_prediction(added(new)).summary_frame(alpha=0.2)
    mean, single = mean_interval(model, new, 0.8), prediction_interval(model, new, 0.8)
    np.testing.assert_allclose(mean.low, theirs["mean_ci_lower"], rtol=1e-6)
    np.testing.assert_allclose(mean.high, theirs["mean_ci_upper"], rtol=1e-6)
    np.testing.assert_allclose(single.low, theirs["obs_ci_lower"], rtol=1e-6)
    np.testing.assert_allclose(single.prediction, model.predict(new), rtol=1e-9)


def test_a_prediction_interval_covers_new_outcomes() -> None:
    rng = np.random.default_rng(0)
    X, new = rng.normal(size=(40, 3)), rng.normal(size=(20_000, 3))
    covered = []
    for _ in range(60):
        model = LinearRegression().fit(X, X.sum(axis=1) + rng.normal(size=40))
        found = prediction_interval(model, new, 0.9)
        outcomes = new.sum(axis=1) + rng.normal(size=len(new))
        covered.append(np.mean((found.low <= outcomes) & (outcomes <= found.high)))
    assert np.mean(covered) == pytest.approx(0.9, abs=0.01)


def test_a_column_far_from_zero_costs_no_digits() -> None:
    clock = 1.7e9 + np.linspace(0.0, 1.0, 50)
    noise = np.random.default_rng(1).normal(size=50)
    far = prediction_interval(LinearRegression().fit(clock[:, None], noise), clock[:, None])
    near = clock[:, None] - 1.7e9
    close = prediction_interval(LinearRegression().fit(near, noise), near)
    np.testing.assert_allclose(far.high - far.low, close.high - close.low, rtol=1e-6)
