"""Columns of every type that pandas and NumPy bring become numbers, times or words."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from northstar.pipeline.evaluation import EvaluationInvalid
from northstar.pipeline.evaluation.columns import (
    Numbers,
    Times,
    Words,
    read_column,
    read_columns,
)

NOON = dt.datetime(2013, 1, 1, 12)  # noqa: DTZ001 - pandas' usual times have no zone
NUMBERS = [
    pd.Series([1, None, 2], dtype="Int64"),
    pd.Series([1.0, np.inf, 2.0]),
    pd.Series([True, None, 2], dtype=object),
    pd.Series([1, None, 2], dtype="float64[pyarrow]"),
    np.array([1.0, np.nan, 2.0], dtype=np.float32),
    pd.Series([dt.timedelta(seconds=1), None, dt.timedelta(seconds=2)]),
]
TIMES = [
    pd.Series([NOON, None]),
    pd.Series([NOON, None]).dt.tz_localize("UTC"),
    pd.Series(pd.to_datetime(["2013-01-01T13:00+01:00", None], utc=True)),
    np.array([NOON, None], dtype=object),
    np.array([NOON.replace(tzinfo=dt.UTC), None], dtype=object),
    np.array(["2013-01-01T12:00", "NaT"], dtype="datetime64[ns]"),
]
WORDS = [
    pd.Series(["UA", None, "AA"]),
    pd.Series(["UA", None, "AA"], dtype=object),
    pd.Series(["UA", pd.NA, "AA"], dtype="category"),
    pd.Series(["UA", None, "AA"], dtype="string[pyarrow]"),
    np.array(["UA", float("nan"), "AA"], dtype=object),
]


@pytest.mark.parametrize("values", NUMBERS)
def test_numbers(values: Any) -> None:
    column = read_column(values)
    assert isinstance(column, Numbers)
    np.testing.assert_array_equal(column.values, [1.0, np.nan, 2.0])


@pytest.mark.parametrize("values", TIMES)
def test_times(values: Any) -> None:
    column = read_column(values)
    assert isinstance(column, Times)
    assert column.values[0] == np.datetime64("2013-01-01T12:00")
    assert np.isnat(column.values[1])


@pytest.mark.parametrize("values", WORDS)
def test_words(values: Any) -> None:
    column = read_column(values)
    assert isinstance(column, Words)
    assert column.levels == ("AA", "UA")
    assert column.codes.tolist() == [1, -1, 0]


def test_text_that_looks_missing_is_text() -> None:
    column = read_column(np.array(["nan", "x"]))
    assert isinstance(column, Words)
    assert column.levels == ("nan", "x")


def test_things_without_a_hash_are_told_apart_by_their_text() -> None:
    column = read_column(pd.Series([[1], [2], [1], None]))
    assert isinstance(column, Words)
    assert column.codes.tolist() == [0, 1, 0, -1]


@pytest.mark.parametrize("values", [[], [None, None]])
def test_a_column_that_says_nothing(values: list[None]) -> None:
    column = read_column(np.array(values, dtype=object))
    assert isinstance(column, Words)
    assert (column.codes == -1).all()


def test_columns_have_one_length() -> None:
    with pytest.raises(EvaluationInvalid, match="'b' has 3 rows where 2 are expected"):
        read_columns({"a": np.zeros(2), "b": np.zeros(3)})
