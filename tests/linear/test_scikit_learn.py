"""The estimators keep scikit-learn's conventions, without being made of it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from northstar.linear import BadInput, LogisticRegression, NotFitted, Ridge
from tests.linear.estimators import ESTIMATORS, fresh, target
from tests.linear.tables import table

X = table(2)

DO_NOT_APPLY = {
    "check_dtype_object": "wants a TypeError for a cell that is no number; ours is a BadInput, "
    "a ValueError that names the column",
    "check_supervised_y_2d": "wants a target of shape (rows, 1) flattened with a warning; ours is "
    "refused with the remedy, since more than one column would be a mistake",
    "check_array_api_input": "skips itself unless SCIPY_ARRAY_API is set before SciPy is imported",
}
DO_NOT_APPLY_TO = {
    ("HuberRegression", "check_sample_weight_equivalence_on_dense_data"): "its 15 rows of 30 "
    "columns are fitted exactly, the scale is 0, and the coefficients are known to 6 digits, not 7",
}


def _checks() -> list[Any]:
    found = []
    for name, estimator in ESTIMATORS.items():
        with pytest.warns(UserWarning, match="does not inherit"):
            pairs = list(estimator_checks_generator(estimator))
        for each, check in pairs:
            kind = getattr(check, "func", check).__name__
            if kind not in DO_NOT_APPLY and (name, kind) not in DO_NOT_APPLY_TO:
                found.append(pytest.param(each, check, id=f"{name}-{kind}"))
    return found


@pytest.mark.parametrize(("estimator", "check"), _checks())
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_s_own_checks_pass(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_it_works_in_a_pipeline_and_in_cross_validation(name: str) -> None:
    y = target(name, 2, X)
    pipeline = make_pipeline(StandardScaler(), fresh(name))
    scores = cross_val_score(pipeline, X, y, cv=3)
    assert np.isfinite(scores).all()
    fitted = pipeline.fit(X, y)
    assert fitted.score(X, y) > 0
    assert is_classifier(pipeline) == (name == "LogisticRegression") != is_regressor(pipeline)


def test_a_search_finds_the_strength_of_a_penalty() -> None:
    y = target("Ridge", 2, X)
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1e6]}, cv=3).fit(X, y)
    assert search.best_params_ == {"alpha": 0.1}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_clone_has_the_settings_and_nothing_learnt(name: str) -> None:
    model = fresh(name).fit(X, target(name, 2, X))
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "n_features_in_")
    with pytest.raises(NotFittedError):
        copy.predict(X)


def test_without_scikit_learn_it_is_not_imported() -> None:
    program = (
        "import sys, numpy as np\n"
        "from northstar.linear import Lasso, NotFitted\n"
        "try:\n    Lasso().predict(np.ones((2, 2)))\n"
        "except NotFitted:\n    pass\n"
        "Lasso().fit(np.eye(3), np.arange(3.0)).score(np.eye(3), np.arange(3.0))\n"
        "sys.exit('sklearn' in sys.modules or 'scipy' in sys.modules or 'pandas' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(BadInput, match="has no setting 'C'; it has l2, fit_intercept, solver"):
        LogisticRegression().set_params(C=1.0)


def test_not_fitted_is_ours_and_theirs() -> None:
    with pytest.raises(NotFitted) as caught:
        LogisticRegression().predict(X)
    assert isinstance(caught.value, NotFittedError)
