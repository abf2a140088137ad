"""Capture segments: Arrow files of what one model version was asked and what it answered.

Written under a temporary name, synchronised and renamed: a segment that has its name is whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from northstar.durable import synchronise
from northstar.registry.domain import Column, ColumnType
from northstar.serving.dataplane.inputs import Rows, typed_array
from northstar.serving.domain import ModelSpec, variant_name
from northstar.serving.errors import BadInput

_MOMENT = pa.timestamp("us", tz="UTC")
_ARROW_TYPES: dict[ColumnType, Any] = {
    "double": pa.float64(),
    "long": pa.int64(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "datetime": _MOMENT,
}


class CapturedRows(NamedTuple):
    """Rows of one version, by column; the lists are equally long. Times are µs since 1970.

    ``traces`` holds the ``traceparent`` of each row that was traced, ``None`` for the others.
    """

    ids: list[str]
    event_times: list[int]
    recorded: list[int]
    rows: Rows
    answers: list[Any]
    traces: list[str | None]


def segment_table(endpoint: str, model: ModelSpec, captured: CapturedRows) -> pa.Table:
    """The Arrow table of a segment, with its summary as schema metadata ``northstar``."""
    count = len(captured.ids)
    names = ["prediction_id", "event_time", "recorded_at", "version", "variant", "traceparent"]
    arrays = [
        pa.array(captured.ids, pa.string()),
        pa.array(captured.event_times, pa.int64()).cast(_MOMENT),
        pa.array(captured.recorded, pa.int64()).cast(_MOMENT),
        pa.array([model.version] * count, pa.int32()),
        pa.array([variant_name(model.version)] * count, pa.string()),
        pa.array(captured.traces, pa.string()),
    ]
    if model.task == "multiclass":
        winners = [max(range(len(p)), key=p.__getitem__) for p in captured.answers]
        labels = [(model.classes or ())[winner] for winner in winners]
        served = [p[winner] for p, winner in zip(captured.answers, winners, strict=True)]
        names += ["prediction", "label", "probabilities"]
        arrays += [
            pa.array(served, pa.float64()),
            pa.array(labels, pa.string()),
            pa.array(captured.answers, pa.list_(pa.float64())),
        ]
    else:
        names.append("prediction")
        arrays.append(pa.array(captured.answers, pa.float64()))
    by_column = list(zip(*captured.rows, strict=True))
    for column, values in zip(model.columns, by_column, strict=True):
        names.append(f"f.{column.name}")
        arrays.append(_feature(values, column))
    summary = {
        "endpoint": endpoint,
        "version": model.version,
        "rows": count,
        "min_event_time": _iso(min(captured.event_times)),
        "max_event_time": _iso(max(captured.event_times)),
    }
    table = pa.table(dict(zip(names, arrays, strict=True)))
    return table.replace_schema_metadata({b"northstar": json.dumps(summary).encode()})


def write_segment(path: Path, table: pa.Table) -> None:
    """Write ``path`` durably: when this returns, the segment survives a crash of the machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    synchronise(path.parent)


def _feature(values: Sequence[Any], column: Column) -> pa.Array:
    kind = _ARROW_TYPES[column.type]
    if column.type != "datetime":
        try:
            return pa.array(values, kind)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            pass  # true in a column of numbers, 1.0 in one of integers: read as the model read it
    return pa.array([_value(value, column) for value in values], kind)


def _value(value: Any, column: Column) -> Any:
    try:
        read = typed_array([value], column).tolist()[0]
        if column.type == "long":
            return None if value is None else int(read)
    except BadInput:
        return None
    return read.replace(tzinfo=UTC) if isinstance(read, datetime) else read


def _iso(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat()
