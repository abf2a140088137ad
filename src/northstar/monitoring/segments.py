"""Segments as Arrow files: how predictions are read, and labels read and written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from northstar.metrics import Floats
from northstar.monitoring.columns import Moments, Values, Words
from northstar.monitoring.domain import Label, RawLabel
from northstar.telemetry.trace_context import parse

if TYPE_CHECKING:
    import pyarrow as pa

SegmentKind = Literal["predictions", "labels"]

_FEATURE = "f."
_TRACE = "traceparent"
_UNLIKE_A_SEGMENT = (KeyError, TypeError, ValueError, NotImplementedError)


class CorruptSegment(Exception):
    """The file is not a segment; the message says what is wrong with it."""


@dataclass(frozen=True)
class PredictionRows:
    """A segment's predictions, all of one version, shape (rows,) each.

    Attributes:
        times: event times in UTC, ``datetime64[us]``.
        labels: for multiclass, the answered label of each row, and ``probabilities`` those of all
            classes; ``None`` for other tasks.
        traces: the ``traceparent`` of each row that has one.
    """

    version: int
    ids: list[str | None]
    times: NDArray[np.datetime64]
    predictions: Floats
    columns: dict[str, Values]
    labels: Words | None = None
    probabilities: list[list[float] | None] | None = None
    traces: Mapping[int, str] = field(default_factory=dict)


def decode_predictions(content: bytes) -> PredictionRows:
    """A segment of predictions; raises ``CorruptSegment``."""
    table = _read(content)
    try:
        return _prediction_rows(table)
    except _UNLIKE_A_SEGMENT as error:
        raise CorruptSegment(_say(error)) from error


def decode_labels(content: bytes) -> dict[str, RawLabel]:
    """A segment of labels, by prediction id; raises ``CorruptSegment``."""
    table = _read(content)
    try:
        texts = table["label"].combine_chunks().dictionary_encode()
        values = [_raw_label(text) for text in texts.dictionary.to_pylist()]
        ids, places = table["prediction_id"].to_pylist(), texts.indices.to_pylist()
        return {str(its): values[place] for its, place in zip(ids, places, strict=True)}
    except _UNLIKE_A_SEGMENT as error:
        raise CorruptSegment(_say(error)) from error


def encode_labels(labels: Sequence[Label]) -> bytes:
    """A segment of labels."""
    import pyarrow as pa

    table = pa.table(
        {
            "prediction_id": pa.array([label.prediction_id for label in labels], pa.string()),
            "label": pa.array([json.dumps(label.label) for label in labels], pa.string()),
            "event_time": pa.array(
                [label.event_time for label in labels], pa.timestamp("us", tz="UTC")
            ),
        }
    )
    written = pa.BufferOutputStream()
    with pa.ipc.new_file(written, table.schema) as writer:
        writer.write_table(table)
    return bytes(written.getvalue())


def _read(content: bytes) -> pa.Table:
    import pyarrow as pa

    try:
        with pa.ipc.open_file(pa.py_buffer(content)) as reader:
            table = reader.read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CorruptSegment(_say(error)) from error
    return table


def _raw_label(text: str) -> RawLabel:
    value = json.loads(text)
    if not isinstance(value, bool | int | float | str):
        raise TypeError(f"{text} is not a label")
    return value


def _prediction_rows(table: pa.Table) -> PredictionRows:
    import pyarrow as pa

    versions = table["version"].unique().to_pylist()
    if len(versions) != 1 or not isinstance(versions[0], int):
        raise ValueError(f"it holds versions {versions}, not one")
    times = table["event_time"].cast(pa.timestamp("us", tz="UTC"))
    if times.null_count:
        raise ValueError(f"{times.null_count} rows have no event time")
    several = "probabilities" in table.column_names
    return PredictionRows(
        version=versions[0],
        ids=table["prediction_id"].cast(pa.string()).to_pylist(),
        times=times.to_numpy().astype("datetime64[us]"),
        predictions=_numbers(table["prediction"]),
        columns={
            name.removeprefix(_FEATURE): _values(table[name])
            for name in table.column_names
            if name.startswith(_FEATURE)
        },
        labels=_words(table["label"].cast(pa.string())) if several else None,
        probabilities=table["probabilities"].to_pylist() if several else None,
        traces=_traces(table),
    )


def _traces(table: pa.Table) -> dict[int, str]:
    """The traces by row; segments of earlier releases have no such column."""
    if _TRACE not in table.column_names:
        return {}
    column = table[_TRACE]
    rows = np.flatnonzero(column.is_valid().to_numpy())
    found = zip(rows.tolist(), column.drop_null().to_pylist(), strict=True)
    return {row: str(context) for row, text in found if (context := parse(text))}


def _values(column: pa.ChunkedArray) -> Values:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_boolean(kind):
        codes = column.cast(pa.int64()).fill_null(-1).to_numpy()
        return Words(codes.astype(np.int64), ["False", "True"])
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _numbers(column)
    if pa.types.is_temporal(kind) or pa.types.is_null(kind):
        return Moments(column.is_valid().to_numpy().astype(np.bool_))
    return _words(column.cast(pa.string()))


def _numbers(column: pa.ChunkedArray) -> Floats:
    import pyarrow as pa

    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)


def _words(column: pa.ChunkedArray) -> Words:
    encoded = column.combine_chunks().dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Words(codes, encoded.dictionary.to_pylist())


def _say(error: Any) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]
