"""What real tables hold: rows that do not count, moments, and a fit that fails half-way."""

from __future__ import annotations

import numpy as np
import pytest

from northstar.linear import BadInput, GradientDescent, LinearRegression, LogisticRegression, Ridge

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = X @ [1.0, 2.0, 3.0] + RNG.normal(size=60) + 5.0
DAYS = np.arange(60).astype("M8[D]")


@pytest.mark.parametrize("model", [LinearRegression, Ridge])
@pytest.mark.parametrize("wild", [1e15, 1e300])
def test_a_row_of_weight_zero_costs_no_digits(model: type[LinearRegression], wild: float) -> None:
    table, target, weights = X.copy(), Y.copy(), np.ones(60)
    table[3], target[3], weights[3] = wild, -wild, 0.0
    without = model().fit(np.delete(X, 3, axis=0), np.delete(Y, 3))
    np.testing.assert_allclose(model().fit(table, target, weights).coef_, without.coef_, rtol=1e-12)


def test_moments_are_no_numbers() -> None:
    moments = DAYS.copy()
    moments[3] = np.datetime64("NaT")
    with pytest.raises(BadInput, match="days since"):
        LinearRegression().fit(moments[:, None], Y)
    with pytest.raises(BadInput, match="days since"):
        LinearRegression().fit(X, moments - moments[0])
    with pytest.raises(BadInput, match="1 missing labels"):
        LogisticRegression().fit(X, np.where(np.isnat(moments), moments, DAYS[0]))


def test_a_stream_that_breaks_leaves_the_model_as_it_was() -> None:
    model = LinearRegression().fit(X, Y)
    before = (model.triangle_.rows, model.summary().r_squared, model.coef_.tolist())
    bad = X.copy()
    bad[0, 0] = np.nan
    with pytest.raises(BadInput):
        model.fit_stream([(X + 100, Y), (bad, Y)])
    assert (model.triangle_.rows, model.summary().r_squared, model.coef_.tolist()) == before


def test_a_solver_that_diverges_leaves_the_model_as_it_was() -> None:
    model = LinearRegression().fit(X, Y)
    known = model.coef_.tolist()
    model.set_params(solver=GradientDescent(step_size=10.0))
    with pytest.raises(BadInput, match="diverged"):
        model.fit(2 * X + 1, 3 * Y)
    assert model.coef_.tolist() == known
