"""Tables by column, in the three kinds that evaluation tells apart: numbers, times and words."""

from __future__ import annotations

import datetime as dt
import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from northstar.pipeline.evaluation.errors import EvaluationInvalid

Floats = NDArray[np.float64]


class _DataFrame(Protocol):
    """The part of a pandas DataFrame that is used here; pandas itself is not imported."""

    @property
    def columns(self) -> Any: ...

    def __getitem__(self, name: Any) -> Any: ...


Table = Mapping[str, Any] | _DataFrame


@dataclass(frozen=True)
class Numbers:
    """A column of numbers or booleans as float64; missing and infinite values are NaN."""

    values: Floats


@dataclass(frozen=True)
class Times:
    """A column of moments as datetime64[us] in UTC; missing values are NaT."""

    values: NDArray[np.datetime64]


@dataclass(frozen=True)
class Words:
    """A column of anything else, each value as its text.

    Attributes:
        codes: the position of each row's text in ``levels``; -1 where it is missing.
        levels: the different texts, sorted.
    """

    codes: NDArray[np.int64]
    levels: tuple[str, ...]


Column = Numbers | Times | Words


def read_columns(table: Table, rows: int | None = None) -> dict[str, Column]:
    """Read every column of a table; ``rows`` is how many there should be.

    Raises ``EvaluationInvalid`` for columns of different lengths.
    """
    names: Iterable[Any] = table if isinstance(table, Mapping) else table.columns
    columns = {str(name): read_column(table[name]) for name in names}
    for name, column in columns.items():
        rows = column_rows(column) if rows is None else rows
        if column_rows(column) != rows:
            raise EvaluationInvalid(
                f"Column {name!r} has {column_rows(column)} rows where {rows} are expected."
            )
    return columns


def column_rows(column: Column) -> int:
    """How many rows a column has."""
    return len(column.codes if isinstance(column, Words) else column.values)


def take_rows(column: Column, rows: NDArray[np.intp]) -> Column:
    """The column at the given positions."""
    if isinstance(column, Words):
        return Words(column.codes[rows], column.levels)
    if isinstance(column, Times):
        return Times(column.values[rows])
    return Numbers(column.values[rows])


def some_rows(count: int, limit: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """The positions of all of ``count`` rows, or in order of a random ``limit`` of them."""
    if count <= limit:
        return np.arange(count)
    return np.sort(rng.choice(count, limit, replace=False))


def read_column(values: Any) -> Column:
    """Read an array or a pandas Series of any type into one of the three kinds.

    What has been read already comes back as it is.
    """
    if isinstance(values, Numbers | Times | Words):
        return values
    kind = getattr(getattr(values, "dtype", None), "kind", "O")
    if kind == "M":
        return Times(_convert(values, "datetime64[us]"))
    if kind in "biuf":
        return _numbers(_convert(values, np.float64, missing=np.nan))
    if kind == "m":
        return _numbers(_convert(values, "timedelta64[us]").astype(np.float64) / 1e6, values)
    return _read_objects(_convert(values, object, missing=None))


def _convert(values: Any, dtype: Any, **missing: Any) -> NDArray[Any]:
    """To an array, with pandas' own mark for a missing value replaced."""
    if hasattr(values, "to_numpy"):
        marks = {"na_value": missing["missing"]} if missing else {}
        return np.asarray(values.to_numpy(dtype=dtype, **marks))
    return np.asarray(values, dtype=dtype)


def _numbers(values: Floats, moments: Any = None) -> Numbers:
    clean = np.where(np.isfinite(values), values, np.nan)
    if moments is not None:
        clean[np.isnat(_convert(moments, "timedelta64[us]"))] = np.nan
    return Numbers(clean)


def _read_objects(values: NDArray[Any]) -> Column:
    codes: dict[Any, int] = {}
    try:
        rows = np.fromiter((codes.setdefault(v, len(codes)) for v in values), np.int64, len(values))
    except TypeError:  # lists and the like cannot be looked up; their text can
        return _read_objects(np.array([None if v is None else str(v) for v in values], object))
    known = list(codes)
    present = [value for value in known if not _missing(value)]
    if present and all(isinstance(v, numbers.Real | np.bool_) for v in present):
        levels = np.array([np.nan if _missing(v) else float(v) for v in known])
        return _numbers(levels[rows])
    if present and all(isinstance(v, dt.date) for v in present):
        return Times(np.array([_moment(v) for v in known], dtype="datetime64[us]")[rows])
    texts = sorted({str(value) for value in present})
    place = {text: index for index, text in enumerate(texts)}
    recode = np.array([-1 if _missing(v) else place[str(v)] for v in known], dtype=np.int64)
    return Words(recode[rows] if len(known) else rows, tuple(texts))


def _missing(value: Any) -> bool:
    """None, NaN, NaT and pandas' NA, which answers no comparison with yes or no."""
    return value is None or (str(value) in ("nan", "NaT", "<NA>") and not isinstance(value, str))


def _moment(value: Any) -> np.datetime64:
    if _missing(value):
        return np.datetime64("NaT", "us")
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        value = value.astimezone(dt.UTC).replace(tzinfo=None)
    return np.datetime64(value, "us")
