"""Columns and their types: turning what JSON gave into arrays, with one clear message if it can't.

Missing values are ``null``. A number column takes numbers (``true`` counts as 1), an integer column
takes numbers without a fraction, a datetime column takes ISO 8601 text (UTC where it names no
zone), text and boolean columns take only text and booleans.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from northstar.registry.domain import Column, ColumnType
from northstar.serving.errors import BadInput

Rows = list[list[Any]]
"""Row-major values as JSON gives them, in the order of the model's columns."""

_NAN = float("nan")


class NumberPacker:
    """Packs rows of numbers into a float64 buffer, checking them on the way.

    The common case, all values numbers, is one C call a row; only a row that it refuses (a
    ``null``, a text) is looked at value by value.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._pack = struct.Struct(f"{len(columns)}d").pack_into
        self._integers = [i for i, column in enumerate(columns) if column.type == "long"]

    def pack_into(self, buffer: Any, offset: int, row: list[Any], number: int = 0) -> None:
        """Write ``row`` at ``offset`` bytes; raises ``BadInput`` naming row ``number``."""
        try:
            self._pack(buffer, offset, *row)
        except (struct.error, TypeError, OverflowError):
            checked = [
                _NAN if value is None else as_number(value, column, number)
                for value, column in zip(row, self._columns, strict=True)
            ]
            self._pack(buffer, offset, *checked)
        for i in self._integers:
            value = row[i]
            if type(value) is float and not value.is_integer():
                raise _wrong(value, self._columns[i], number)


def column_arrays(rows: Rows, columns: Sequence[Column]) -> dict[str, NDArray[Any]]:
    """The rows by column, typed: float64 (missing: NaN), int64 or float64 where some are missing,
    object arrays of text or booleans (missing: ``None``), datetime64[us] (missing: NaT).
    """
    return {
        column.name: typed_array([row[i] for row in rows], column)
        for i, column in enumerate(columns)
    }


def typed_array(values: list[Any], column: Column, first_row: int = 0) -> NDArray[Any]:
    """One column's values as an array; raises ``BadInput`` naming the row and the value."""
    check = _CHECKS[column.type]
    checked = [
        None if value is None else check(value, column, number)
        for number, value in enumerate(values, first_row)
    ]
    if column.type == "double":
        return np.array([_NAN if value is None else value for value in checked], dtype=np.float64)
    if column.type == "long":
        if None in checked:
            return np.array([_NAN if value is None else value for value in checked], np.float64)
        return np.array(checked, dtype=np.int64)
    if column.type == "datetime":
        return np.array(checked, dtype="datetime64[us]")
    return np.array(checked, dtype=object)


def table_rows(table: Mapping[str, NDArray[Any]], columns: Sequence[Column]) -> int:
    """How many rows a table has; raises ``BadInput`` for missing columns or unequal lengths."""
    missing = [column.name for column in columns if column.name not in table]
    if missing:
        raise missing_columns(missing, list(table))
    lengths = {column.name: len(table[column.name]) for column in columns}
    if len(set(lengths.values())) > 1:
        raise BadInput(f"The columns have different lengths: {lengths}.")
    return next(iter(lengths.values()), 0)


def missing_columns(missing: Sequence[str], given: Sequence[str]) -> BadInput:
    """The error for columns that the model needs and the request lacks."""
    return BadInput(
        f"The request lacks {_listed(missing)}.",
        hint=f"It has {_listed(given)}." if given else "It names no column.",
    )


def as_number(value: object, column: Column, row: int) -> float:
    """``value`` as a number for ``column``; raises ``BadInput``."""
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            pass
    raise _wrong(value, column, row)


def _as_integer(value: object, column: Column, row: int) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)
    raise _wrong(value, column, row)


def _as_text(value: object, column: Column, row: int) -> str:
    if isinstance(value, str):
        return value
    raise _wrong(value, column, row)


def _as_boolean(value: object, column: Column, row: int) -> bool:
    if isinstance(value, bool):
        return value
    raise _wrong(value, column, row)


def _as_moment(value: object, column: Column, row: int) -> datetime:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise _wrong(value, column, row) from None
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    raise _wrong(value, column, row)


_CHECKS: dict[ColumnType, Callable[[object, Column, int], Any]] = {
    "double": as_number,
    "long": _as_integer,
    "string": _as_text,
    "boolean": _as_boolean,
    "datetime": _as_moment,
}

_WANTED: dict[ColumnType, str] = {
    "double": "a number",
    "long": "a whole number",
    "string": "text",
    "boolean": "true or false",
    "datetime": "a time as ISO 8601 text",
}


def _wrong(value: object, column: Column, row: int) -> BadInput:
    shown = repr(value)
    return BadInput(
        f"Column {column.name!r}, row {row}: {shown[:60]} is not {_WANTED[column.type]}.",
        hint="Send null for a missing value.",
    )


def _listed(names: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    kind = "column" if len(names) == 1 else "columns"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{kind} {shown}{more}"
