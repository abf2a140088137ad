"""The primary metric by the values of a column: where a model is better and where worse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from northstar.metrics import Floats
from northstar.pipeline.evaluation.bootstrap import Resampling, replicate
from northstar.pipeline.evaluation.columns import Numbers, Times, Words, read_column
from northstar.pipeline.evaluation.errors import EvaluationInvalid
from northstar.registry.domain import SliceResult, Task

_MOST_VALUES = 12
_FEWEST_ROWS = 30
_TEXT_LIMIT = 200
_MODEL = "candidate"

Rows = NDArray[np.bool_]


def measure_slices(
    task: Task,
    metric: str,
    truth: Floats,
    prediction: Floats,
    slices: Mapping[str, Any],
    resampling: Resampling,
) -> list[SliceResult]:
    """The metric, with its interval, on the rows of each value of each slice column.

    Columns with many numbers or moments are cut into quarters; of many words, the 12 most frequent
    are taken. Slices of fewer than 30 rows, or on which the metric is not defined, are left out.
    """
    results = []
    for name, values in slices.items():
        for value, rows in _parts(name, values, len(truth)):
            count = int(rows.sum())
            if count < _FEWEST_ROWS:
                continue
            found = replicate(
                task, truth[rows], {_MODEL: prediction[rows]}, {_MODEL: [metric]}, resampling
            ).metric(_MODEL, metric)
            if found is not None:
                results.append(
                    SliceResult(column=name, value=value[:_TEXT_LIMIT], rows=count, metric=found)
                )
    return results


def _parts(name: str, values: Any, rows: int) -> Iterator[tuple[str, Rows]]:
    column = read_column(values)
    array = column.codes if isinstance(column, Words) else column.values
    if len(array) != rows:
        raise EvaluationInvalid(f"Slice column {name!r} has {len(array)} rows, the test {rows}.")
    if isinstance(column, Words):
        counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.levels))
        for code in np.argsort(-counts, kind="stable")[:_MOST_VALUES].tolist():
            yield column.levels[code], column.codes == code
        yield "missing", column.codes < 0
    else:
        yield from _cuts(column)


def _cuts(column: Numbers | Times) -> Iterator[tuple[str, Rows]]:
    missing: Rows = column.values != column.values
    present = column.values[~missing]
    different = np.unique(present)
    if len(different) <= _MOST_VALUES:
        for value in different:
            yield _text(value), column.values == value
    else:
        ordered = np.sort(present)
        ends = np.unique(ordered[[len(ordered) * i // 4 for i in (1, 2, 3)]])
        part = np.searchsorted(ends, column.values, side="right")
        for i in range(len(ends) + 1):
            rows: Rows = (part == i) & ~missing
            if rows.any():
                low, high = column.values[rows].min(), column.values[rows].max()
                yield f"{_text(low)} to {_text(high)}", rows
    yield "missing", missing


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
