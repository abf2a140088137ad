"""Logistic regression: agreement with scikit-learn, and what must not change the answer."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
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
    assert model.solver_report_.converged
    assert model.predict(X).tolist() == (X[:, 0] > 0).tolist()


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("mixed", [0, 20])
def test_separable_classes_without_a_penalty_are_admitted(classes: int, mixed: int) -> None:
    """Completely separable, and nearly: rows at 0 are of every class."""
    X = np.concatenate([np.linspace(-1, 1, 60), np.zeros(mixed)])[:, None]
    y = np.concatenate([np.digitize(X[:60, 0], [0.0, 0.5][: classes - 1]), np.arange(mixed) % 2])
    with pytest.warns(NotConverged, match=r"separation.*add a penalty"):
        model = LogisticRegression(l2=0.0).fit(X, y)
    assert not model.solver_report_.converged


def test_a_rare_category_is_not_taken_for_separation() -> None:
    rare = (np.arange(5000) < 3).astype(float)
    y = (np.arange(5000) % 3 == 0).astype(int)
    model = LogisticRegression(l2=0.0).fit(rare[:, None], y)
    assert model.solver_report_.converged
    assert model.predict_proba(np.ones((1, 1)))[0, 1] == pytest.approx(1 / 3, abs=1e-6)


@given(seeds, st.booleans())
@settings(max_examples=15, deadline=None)
def test_covariance_agrees_with_statsmodels(seed: int, intercept: bool) -> None:
    X = np.random.default_rng(seed).normal(size=(300, 3)) * [1.0, 100.0, 0.01] + [0.0, 30.0, 0.0]
    y = labels(seed, X, 2) == "blue"
    weights = np.random.default_rng(seed).integers(1, 4, 300)
    ours = LogisticRegression(l2=0.0, fit_intercept=intercept).fit(X, y, weights)
    design = sm.add_constant(X) if intercept else X
    theirs = sm.GLM(y, design, family=sm.families.Binomial(), freq_weights=weights).fit(tol=1e-12)
    np.testing.assert_allclose(ours.unscaled_covariance_, theirs.cov_params(), rtol=1e-5)


def test_covariance_of_class_differences_agrees_with_statsmodels() -> None:
    X = np.random.default_rng(5).normal(size=(400, 2)) * [1.0, 10.0] + [0.0, 3.0]
    y = labels(5, X, 3)
    ours = LogisticRegression(l2=0.0).fit(X, y)
    theirs = sm.MNLogit(np.unique(y, return_inverse=True)[1], sm.add_constant(X)).fit(disp=False)
    # statsmodels has the first class as the reference: the others less that one.
    differences = np.kron(np.array([[-1.0, 1, 0], [-1.0, 0, 1]]), np.eye(3))
    covariance = differences @ ours.unscaled_covariance_ @ differences.T
    np.testing.assert_allclose(covariance, theirs.cov_params(), rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(ours.coef_.sum(axis=0), 0.0, atol=1e-8)


def test_wide_tables_are_fitted_by_conjugate_gradients() -> None:
    X = np.random.default_rng(0).normal(size=(60, 1100))
    y = labels(0, X, 2)
    ours = LogisticRegression(l2=5.0).fit(X, y)
    theirs = oracle.LogisticRegression(C=0.2, tol=1e-10, max_iter=5000).fit(X, y)
    assert "conjugate gradients" in str(ours.solver_report_)
    assert ours.unscaled_covariance_ is None
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)


@pytest.mark.parametrize("unit", [1e-150, 1e150])
def test_columns_of_extreme_units_keep_their_answer(unit: float) -> None:
    X = np.random.default_rng(0).normal(size=(80, 2))
    y = labels(0, X, 2)
    plain = LogisticRegression(l2=0.0).fit(X, y)
    extreme = LogisticRegression(l2=0.0).fit(X * [unit, 1.0], y)
    np.testing.assert_allclose(extreme.predict_proba(X * [unit, 1.0]), plain.predict_proba(X))


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
