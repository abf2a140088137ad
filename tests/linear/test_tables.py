"""Tables, targets and weights that cannot be used are refused with their place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from northstar.linear import BadInput, LinearRegression
from tests.linear.tables import table, values

X = pd.DataFrame(table(0), columns=["a", "b", "c", "d"])
Y = values(0, table(0))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (X.assign(b=np.nan), r"missing or infinite values: b \(60 rows\)"),
        (X.assign(c=np.inf).to_numpy(), r"column 2 \(60 rows\)"),
        (X.assign(d="JFK"), "not a number"),
        (X.to_numpy()[0], "a table with rows and columns"),
        (X.iloc[:0], r"shape \(0, 4\)"),
    ],
)
def test_a_bad_table_is_refused(bad: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        LinearRegression().fit(bad, np.ones(len(bad)))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.full(60, -1.0), "not negative"),
        (np.zeros(60), "not zero throughout"),
        (np.ones(59), r"shape \(59,\)"),
    ],
)
def test_bad_weights_are_refused(weights: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        LinearRegression().fit(X, Y, weights)


def test_columns_are_found_by_name() -> None:
    model = LinearRegression().fit(X, Y)
    mixed = X[["d", "b", "a", "c"]].assign(more="text")
    np.testing.assert_array_equal(model.predict(mixed), model.predict(X))
    with pytest.raises(BadInput, match="lacks the columns b, c"):
        model.predict(X[["a", "d"]])


def test_another_number_of_columns_is_refused() -> None:
    with pytest.raises(BadInput, match="4 columns are needed"):
        LinearRegression().fit(X, Y).predict(np.ones((2, 3)))


def test_a_missing_target_is_refused() -> None:
    with pytest.raises(BadInput, match="1 missing or infinite"):
        LinearRegression().fit(X, np.append(Y[1:], np.nan))
