"""Tables in the five column types that models are served with, and as NumPy arrays.

Parquet, CSV, DuckDB and pandas know dozens of types; signatures, requests and captures know
``double``, ``long``, ``string``, ``boolean`` and ``datetime``. Data is brought to these once, when
it is loaded, so that training, evaluation and serving see the same values.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from northstar.pipeline.errors import DataInvalid
from northstar.registry.domain import Column, ColumnType

if TYPE_CHECKING:
    import pyarrow as pa

Arrays = dict[str, NDArray[Any]]


def plain_table(table: pa.Table) -> pa.Table:
    """The table with every column in one of the five types; datetimes in UTC, without a zone.

    Raises ``DataInvalid`` naming the columns that have no such form, such as lists.
    """
    import pyarrow as pa

    fields, columns, strange = [], [], []
    for field, column in zip(table.schema, table.columns, strict=True):
        wanted = _plain_type(field.type)
        if wanted is None:
            strange.append(f"{field.name!r} ({field.type})")
            continue
        plain = column
        if pa.types.is_dictionary(field.type):
            plain = column.cast(field.type.value_type)
        fields.append(pa.field(field.name, wanted))
        try:
            # A decimal or a moment may lose its last digits; a number may not become another one.
            columns.append(plain.cast(wanted, safe=pa.types.is_integer(wanted)))
        except pa.ArrowInvalid as error:
            raise DataInvalid(f"Column {field.name!r} has values out of range: {error}") from error
    if strange:
        raise DataInvalid(
            f"Columns of types that no model is served with: {', '.join(strange)}.",
            hint="List them under features.exclude, or convert them where the data is loaded.",
        )
    if len({field.name for field in fields}) < len(fields):
        raise DataInvalid("The data has two columns of one name.")
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def column_types(table: pa.Table) -> dict[str, ColumnType]:
    """The type of each column of a plain table."""
    return {field.name: _TYPES[str(field.type)] for field in table.schema}


def arrays(table: pa.Table, names: Sequence[str] | None = None) -> Arrays:
    """Columns of a plain table as arrays.

    float64 (missing: NaN), int64 or float64 where some are missing, object arrays of text or
    booleans (missing: ``None``), datetime64[us] (missing: NaT). All are writable copies.
    """
    wanted = table.column_names if names is None else names
    return {name: column_array(table, name) for name in wanted}


def column_array(table: pa.Table, name: str) -> NDArray[Any]:
    """One column of a plain table as an array; see ``arrays``."""
    column = table.column(name)
    kind = _TYPES[str(column.type)]
    if kind in ("string", "boolean"):
        return np.array(column.to_pylist(), dtype=object)
    if kind == "datetime":
        return np.array(column.to_numpy(), dtype="datetime64[us]")
    if kind == "double":
        return np.array(column.to_numpy(), dtype=np.float64)
    return np.array(column.to_numpy(), dtype=np.float64 if column.null_count else np.int64)


def typed_arrays(table: pa.Table, columns: Sequence[Column]) -> Arrays:
    """A model's input columns out of a plain table, in the types of its signature.

    Raises ``DataInvalid`` naming every column that is not there or has another type.
    """
    have = column_types(table)
    missing = [column.name for column in columns if column.name not in have]
    if missing:
        raise DataInvalid(
            f"The model wants columns that the data does not have: {', '.join(missing)}.",
            hint=f"The data has {', '.join(have)}.",
        )
    wrong = [
        f"{column.name} is {have[column.name]}, not {column.type}"
        for column in columns
        if have[column.name] not in _FITTING[column.type]
    ]
    if wrong:
        raise DataInvalid(
            f"Columns have other types than the model's signature says: {'; '.join(wrong)}.",
            hint="Log the model with a signature made from the data it was trained on.",
        )
    return {column.name: column_array(table, column.name) for column in columns}


def read_table(path: Path) -> pa.Table:
    """Read a Parquet file."""
    import pyarrow.parquet as pq

    table: pa.Table = pq.read_table(path)
    return table


def write_table(table: pa.Table, path: Path) -> None:
    """Write a Parquet file so that it is there as a whole or not at all."""
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.part")
    pq.write_table(table, half)
    half.replace(path)


_TYPES: dict[str, ColumnType] = {
    "double": "double",
    "int64": "long",
    "string": "string",
    "bool": "boolean",
    "timestamp[us]": "datetime",
}
_FITTING: dict[ColumnType, tuple[ColumnType, ...]] = {
    "double": ("double", "long", "boolean"),
    "long": ("long", "boolean"),
    "string": ("string",),
    "boolean": ("boolean",),
    "datetime": ("datetime",),
}


def _plain_type(kind: pa.DataType) -> pa.DataType | None:
    import pyarrow.types as types
    from pyarrow import bool_, float64, int64, string, timestamp

    if types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind):
        return float64()
    if types.is_integer(kind):
        return int64()
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return string()
    if types.is_boolean(kind):
        return bool_()
    if types.is_timestamp(kind) or types.is_date(kind):
        return timestamp("us")
    return None
