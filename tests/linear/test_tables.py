"""Columns are known by their names, and rows of weight 0 do not count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from northstar.linear import BadInput, LinearRegression, LogisticRegression
from tests.linear.tables import table, values

X = pd.DataFrame(table(0), columns=["a", "b", "c", "d"])
Y = values(0, table(0))


def test_columns_are_found_by_name() -> None:
    model = LinearRegression().fit(X, Y)
    mixed = X[["d", "b", "a", "c"]].assign(more="text")
    np.testing.assert_array_equal(model.predict(mixed), model.predict(X))
    with pytest.raises(BadInput, match="lacks the columns b, c"):
        model.predict(X[["a", "d"]])


def test_another_number_of_columns_is_refused() -> None:
    with pytest.raises(BadInput, match="4 columns are needed"):
        LinearRegression().fit(X, Y).predict(np.ones((2, 3)))


def test_names_that_are_not_text_are_no_names() -> None:
    model = LinearRegression().fit(X.set_axis([0, 1, 2, 3], axis=1), Y)
    assert not hasattr(model, "feature_names_in_")
    assert LinearRegression().fit(X, Y).feature_names_in_.tolist() == ["a", "b", "c", "d"]


def test_a_row_of_weight_zero_may_have_no_target_class_of_its_own() -> None:
    labels = np.where(X.a > X.a.median(), "high", "low").astype(object)
    labels[0] = "never"
    model = LogisticRegression().fit(X, labels, np.where(np.arange(60) == 0, 0.0, 1.0))
    assert model.classes_.tolist() == ["high", "low"]
