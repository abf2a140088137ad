"""Wald inference for logistic and Poisson regression agrees with statsmodels' GLM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from northstar.linear import (
    BadInput,
    LogisticRegression,
    PoissonRegression,
    contrasts,
    influence,
    mean_interval,
    prediction_interval,
    robust_covariance,
    summary,
)
from tests.linear.tables import Floats

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3)) * [1.0, 10.0, 0.1] + [0.0, 50.0, 1.0]
SCORES = (X - X.mean(axis=0)) / X.std(axis=0) @ [1.0, 0.5, -0.3]
LABELS = (RNG.logistic(size=300) < SCORES).astype(int)
COUNTS = RNG.poisson(np.exp(0.5 + 0.4 * SCORES))

Case = tuple[Callable[[], Any], Any, Any]
CASES: dict[str, Case] = {
    "logistic": (lambda: LogisticRegression(l2=0.0), LABELS, sm.families.Binomial()),
    "poisson": (lambda: PoissonRegression(alpha=0.0), COUNTS, sm.families.Poisson()),
}


@pytest.mark.parametrize("name", CASES)
def test_errors_and_influence_agree_with_statsmodels(name: str) -> None:
    make, y, family = CASES[name]
    model = make().fit(X, y)
    theirs = sm.GLM(y, sm.add_constant(X), family=family).fit(tol=1e-12)
    rows = summary(model).coefficients
    found = influence(model, X, y)
    expected = theirs.get_influence()
    robust = sm.GLM(y, sm.add_constant(X), family=family).fit(cov_type="HC0", tol=1e-12)
    pairs: list[tuple[Any, Any]] = [
        ([row.error for row in rows], theirs.bse),
        ([row.p_value for row in rows], theirs.pvalues),
        (found.leverage, expected.hat_matrix_diag),
        (found.standardised, expected.resid_studentized),
        (found.cooks_distance, expected.cooks_distance[0]),
        (np.sqrt(np.diagonal(robust_covariance(model, X, y, "HC0"))), robust.bse),
    ]
    for ours, peer in pairs:
        np.testing.assert_allclose(ours, peer, rtol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_the_interval_of_a_mean_agrees_with_statsmodels(name: str) -> None:
    make, y, family = CASES[name]
    new = X[:9]
    found = mean_interval(make().fit(X, y), new)
    theirs = sm.GLM(y, sm.add_constant(X), family=family).fit(tol=1e-12)
    frame = theirs.get_prediction(sm.add_constant(new)).summary_frame()
    np.testing.assert_allclose(found.low, frame["mean_ci_lower"], rtol=1e-5)
    np.testing.assert_allclose(found.high, frame["mean_ci_upper"], rtol=1e-5)


def test_every_class_has_its_own_rows_in_the_table() -> None:
    classes = np.array(["a", "b", "c"])[RNG.integers(0, 3, 300)]
    model = LogisticRegression().fit(X, classes)
    names = [row.name for row in summary(model).coefficients]
    assert names[:5] == ["a: intercept", "a: x1", "a: x2", "a: x3", "b: intercept"]
    assert len(names) == 12
    with pytest.raises(BadInput, match="one score a row"):
        influence(model, X, classes)


def test_several_classes_agree_with_statsmodels() -> None:
    codes = np.argmax(np.outer(SCORES, [-0.5, 0.0, 0.8]) + RNG.gumbel(size=(300, 3)), axis=1)
    model = LogisticRegression(l2=1e-8).fit(X, codes)
    theirs = sm.MNLogit(codes, sm.add_constant(X)).fit(disp=0, tol=1e-10)
    # Theirs are against the first class, ours against the average one.
    against = np.hstack([-np.eye(4), np.eye(4), np.zeros((4, 4))])
    found = contrasts(model, against)
    np.testing.assert_allclose(found.prediction, theirs.params[:, 0], rtol=1e-3)
    np.testing.assert_allclose(found.low, theirs.conf_int()[0, :, 0], rtol=1e-3)


def test_a_class_has_no_prediction_interval() -> None:
    with pytest.raises(BadInput, match="use mean_interval"):
        prediction_interval(LogisticRegression().fit(X, LABELS), X)


def test_labels_that_the_model_never_saw_are_refused() -> None:
    strange: Floats = np.full(300, 2.0)
    with pytest.raises(BadInput, match="300 labels that the model does not know"):
        influence(LogisticRegression().fit(X, LABELS), X, strange)
