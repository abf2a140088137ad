"""Logistic regression: agreement with scikit-learn, and what must not change the answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import linear_model as oracle

from northstar.linear import BadInput, GradientDescent, LogisticRegression, Newton, NotConverged
from tests.linear.tables import labels, seeds, table


@given(seeds, st.sampled_from([2, 3, 4]), st.sampled_from([0.01, 1.0, 30.0]), st.booleans())
@settings(max_examples=40, deadline=None)
def test_coefficients_agree_with_scikit_learn(
    seed: int, classes: int, l2: float, intercept: bool
) -> None:
    X = np.random.default_rng(seed).normal(size=(150, 4))
    y, weights = labels(seed, X, classes), np.random.default_rng(seed).exponential(size=150)
    ours = LogisticRegression(l2=l2, fit_intercept=intercept).fit(X, y, weights)
    theirs = oracle.LogisticRegression(
        C=1 / l2, solver="newton-cholesky", tol=1e-12, fit_intercept=intercept, max_iter=500
    ).fit(X, y, weights)
    assert ours.coef_.shape == theirs.coef_.shape
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    assert (ours.predict(X) == theirs.predict(X)).mean() > 0.99


@given(seeds, st.sampled_from([2, 3]))
@settings(max_examples=20, deadline=None)
def test_gradient_descent_ends_where_newton_does(seed: int, classes: int) -> None:
    X = np.random.default_rng(seed).normal(size=(80, 3)) * [1.0, 100.0, 0.01] + [0.0, 30.0, 1.0]
    y = labels(seed, X, classes)
    newton = LogisticRegression().fit(X, y)
    walked = LogisticRegression(solver=GradientDescent(tolerance=1e-9)).fit(X, y)
    np.testing.assert_allclose(walked.predict_proba(X), newton.predict_proba(X), atol=1e-5)
    assert len(newton.steps_) < len(walked.steps_)


@given(seeds, st.floats(1e-4, 1e4), st.sampled_from([2, 3]))
@settings(max_examples=30, deadline=None)
def test_units_do_not_matter_without_a_penalty(seed: int, scale: float, classes: int) -> None:
    X = np.random.default_rng(seed).normal(size=(200, 3))
    y = np.random.default_rng(seed).integers(0, classes, 200)
    plain, scaled = LogisticRegression(l2=0), LogisticRegression(l2=0)
    plain.fit(X, y)
    scaled.fit(X * scale + 5 * scale, y)
    np.testing.assert_allclose(scaled.coef_ * scale, plain.coef_, rtol=1e-5, atol=1e-8)


@given(seeds, st.sampled_from([2, 3]))
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_does_not_matter(seed: int, classes: int) -> None:
    X = table(seed)
    y, order = labels(seed, X, classes), np.random.default_rng(seed).permutation(len(X))
    straight, shuffled = LogisticRegression().fit(X, y), LogisticRegression()
    shuffled.fit(X[order], y[order])
    np.testing.assert_allclose(shuffled.predict_proba(X), straight.predict_proba(X), atol=1e-7)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_on_average_the_model_predicts_what_happened(seed: int) -> None:
    X = table(seed)
    y = labels(seed, X, 3)
    model = LogisticRegression().fit(X, y)
    shares = [(y == name).mean() for name in model.classes_]
    np.testing.assert_allclose(model.predict_proba(X).mean(axis=0), shares, atol=1e-7)


@pytest.mark.parametrize("classes", [2, 3])
def test_duplicate_and_constant_columns_do_no_harm(classes: int) -> None:
    X = table(3)
    y = labels(3, X, classes)
    doubled = np.column_stack([X, X[:, 1], np.full(len(X), 2013.0)])
    model = LogisticRegression(l2=0.0).fit(doubled, y)
    plain = LogisticRegression(l2=0.0).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(doubled), plain.predict_proba(X), atol=1e-5)


def test_separable_classes_stay_finite_by_the_penalty() -> None:
    X = np.linspace(-1, 1, 50)[:, None]
    model = LogisticRegression(l2=1e-3).fit(X, X[:, 0] > 0)
    assert np.isfinite(model.coef_).all()
    assert model.predict(X).tolist() == (X[:, 0] > 0).tolist()


def test_running_out_of_steps_warns() -> None:
    X = table(4)
    with pytest.warns(NotConverged, match="did not converge in 1 steps"):
        LogisticRegression(solver=Newton(max_steps=1)).fit(X, labels(4, X, 2))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a"] * 60, "the one class 'a'"),
        ([None, *["a", "b"] * 29, "a"], "1 missing labels"),
        ([float("nan"), *[0.0, 1.0] * 29, 0.0], "1 missing labels"),
        (np.array([1, "b"] * 30, dtype=object), "mixes labels"),
        (["a", "b"], r"shape \(2,\); X has 60 rows"),
    ],
)
def test_a_bad_target_is_named(y: object, message: str) -> None:
    target = np.array(y, dtype=object) if isinstance(y, list) and None in y else np.asarray(y)
    with pytest.raises(BadInput, match=message):
        LogisticRegression().fit(table(0), target)
