"""Bad input is refused by every estimator, with the column and the remedy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from northstar.linear import BadInput
from tests.linear.estimators import ESTIMATORS, fresh, target
from tests.linear.tables import table

X = pd.DataFrame(table(0), columns=["age", "income", "height", "carrier"])
ROW = X.index == 7

TABLES: dict[str, tuple[Any, str]] = {
    "NaN": (X.assign(income=X.income.where(~ROW)), r"income \(1 rows\)\. Fill NaN"),
    "infinity": (X.assign(age=X.age.where(~ROW, np.inf)), r"infinite values: age .* Fill"),
    "NaN without names": (X.mask(np.eye(60, 4) > 0).to_numpy(), r"column 0 \(1 rows\), column 1"),
    "complex": (X.assign(height=X.height + 1j), "Complex data not supported: height .*real part"),
    "NA": (
        X.assign(income=X.income.astype("Float64").mask(ROW)).astype({"carrier": object}),
        "income has missing values: the first in row 7. Fill them",
    ),
    "masked": (np.ma.masked_greater(X.to_numpy(), 2.0), r"X has \d+ masked values"),
    "words": (X.assign(carrier="JFK"), "carrier holds something .*'JFK' in row 0. Encode it"),
    "a list in a cell": (X.assign(age=[[1]] * 60), r"age holds .*\[1\] in row 0"),
    "no rows": (X.iloc[:0], r"shape \(0, 4\): no rows"),
    "no columns": (X[[]], "0 feature"),
    "sparse": (scipy.sparse.csr_array(X.to_numpy()), r"sparse matrix.*X\.toarray"),
    "one dimension": (X.age.to_numpy(), r"Reshape your data: X\.reshape\(-1, 1\)"),
    "ragged": ([[1.0, 2.0], [3.0]], "cannot be read as a table"),
    "two columns of a name": (X.set_axis(["a", "a", "b", "c"], axis=1), "one name: a. Rename"),
}

WEIGHTS: dict[str, tuple[Any, str]] = {
    "negative": (np.where(ROW, -1.0, 1.0), "not negative"),
    "masked": (np.ma.array(np.ones(60), mask=ROW), "sample_weight has 1 masked values"),
    "NaN": (np.where(ROW, np.nan, 1.0), "must be finite"),
    "zero throughout": (np.zeros(60), "not zero throughout"),
    "wrong length": (np.ones(59), r"sample_weight has shape \(59,\); X has 60 rows"),
    "complex": (np.ones(60) + 0j, "Complex data not supported: sample_weight"),
    "words": (["a"] * 60, "sample_weight holds something that is not a number"),
}


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("what", TABLES)
def test_a_bad_table_is_refused(name: str, what: str) -> None:
    bad, message = TABLES[what]
    y = target(name, 0, X.to_numpy())
    rows = len(bad) if isinstance(bad, list) else bad.shape[0]
    with pytest.raises(BadInput, match=message):
        fresh(name).fit(bad, y[:rows])


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("what", ["NaN", "complex", "words", "sparse", "one dimension"])
def test_a_bad_table_is_not_predicted(name: str, what: str) -> None:
    model = fresh(name).fit(X, target(name, 0, X.to_numpy()))
    bad, message = TABLES[what]
    with pytest.raises(BadInput, match=message):
        model.predict(bad)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("what", WEIGHTS)
def test_bad_weights_are_refused(name: str, what: str) -> None:
    bad, message = WEIGHTS[what]
    with pytest.raises(BadInput, match=message):
        fresh(name).fit(X, target(name, 0, X.to_numpy()), bad)


@pytest.mark.parametrize("name", sorted(set(ESTIMATORS) - {"LogisticRegression"}))
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.where(ROW, np.nan, 1.0), "1 missing or infinite values. Drop"),
        (np.ones(60) + 1j, "Complex data not supported: the target"),
        (["a"] * 60, "the target holds something that is not a number: 'a'"),
        (np.ones((60, 1)), r"pass its ravel\(\)"),
        (np.ones(7), r"The target has shape \(7,\); X has 60 rows"),
        (None, "requires y"),
    ],
)
def test_a_bad_target_is_refused(name: str, bad: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        fresh(name).fit(X, bad)


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("Ridge", "alpha", -1.0),
        ("Lasso", "alpha", float("nan")),
        ("Lasso", "solver", "best"),
        ("ElasticNet", "l1_ratio", 1.5),
        ("HuberRegression", "epsilon", 0.5),
        ("HuberRegression", "solver", "best"),
        ("QuantileRegression", "quantile", 1.0),
        ("QuantileRegression", "solver", "best"),
        ("LogisticRegression", "l2", "strong"),
        ("LogisticRegression", "solver", "lbfgs"),
        ("PoissonRegression", "alpha", -0.1),
    ],
)
def test_a_bad_setting_is_named_by_fit(name: str, setting: str, value: Any) -> None:
    model = fresh(name).set_params(**{setting: value})
    with pytest.raises(BadInput, match=f"{setting} is {value!r}"):
        model.fit(X, target(name, 0, X.to_numpy()))


def test_a_negative_or_empty_count_is_refused() -> None:
    model = fresh("PoissonRegression")
    with pytest.raises(BadInput, match=r"negative in 1 rows; .* Use LinearRegression"):
        model.fit(X, np.where(ROW, -1, 1))
    with pytest.raises(BadInput, match="0 throughout"):
        model.fit(X, np.zeros(60))


def test_numbers_with_fractions_are_not_classes() -> None:
    with pytest.raises(BadInput, match=r"Unknown label type: continuous.*use a regression"):
        fresh("LogisticRegression").fit(X, X.age + 0.5)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_numbers_in_object_columns_are_numbers(name: str) -> None:
    y = target(name, 0, X.to_numpy())
    plain = fresh(name).fit(X, y)
    objects = fresh(name).fit(X.astype(object), y)
    if name == "LogisticRegression":
        assert (objects.predict(X) == plain.predict(X)).all()
    else:
        np.testing.assert_allclose(objects.predict(X), plain.predict(X), rtol=1e-9)
