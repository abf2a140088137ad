"""Asks a model for its answers to the run's data, in the way an endpoint will ask it.

Order: ``{"model", "data", "task", "labels", "cache", "answers", "facts"}``. ``labels`` are the
target's values as text, for models that do not know them; ``cache`` may hold conversions of the
model. Writes ``answers`` (a NumPy array) and ``facts`` (JSON): what the model says of itself and
how long one row takes, or ``{"error"}``.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from northstar.errors import NorthstarError
from northstar.pipeline.children.code import read_order
from northstar.pipeline.errors import ModelUnusable
from northstar.pipeline.tables import read_table, typed_arrays
from northstar.serving.dataplane.runtimes.interface import Predictions, Runtime
from northstar.serving.dataplane.runtimes.load import FLAVORS, load_runtime
from northstar.serving.dataplane.runtimes.mlmodel import read_model_folder

_TIMED_ROWS = 200
_WARM_UP_ROWS = 10
_TIMING_SECONDS = 2.0


def main() -> None:
    """Carry out the order."""
    order = read_order()
    try:
        facts = _score(order)
    except NorthstarError as error:
        facts = {"error": {"message": error.message, "hint": error.hint}}
    Path(order["facts"]).write_text(json.dumps(facts))


def _score(order: dict[str, Any]) -> dict[str, Any]:
    folder = read_model_folder(Path(order["model"]))
    runtime = load_runtime(
        folder.path,
        task=order["task"],
        classes=order["labels"],
        cache=Path(order["cache"]) if order["cache"] else None,
    )
    known = runtime.facts
    if known.task != order["task"]:
        raise ModelUnusable(
            f"The model is made for {known.task}, but northstar.yaml says task: {order['task']}.",
            hint="Train a classifier for binary and multiclass, a regressor for regression.",
        )
    table = read_table(Path(order["data"]))
    answers = runtime.predict_table(typed_arrays(table, known.columns))
    _check(answers, table.num_rows)
    whole = answers.probabilities if known.task == "multiclass" else answers.values
    np.save(order["answers"], np.asarray(whole))
    return {
        "flavor": next(flavor for flavor in FLAVORS if flavor in folder.flavors),
        "signature": folder.columns is not None,
        "columns": [column.model_dump() for column in known.columns],
        "classes": list(known.classes) if known.classes else None,
        "latency_ms": _latency_ms(runtime, table),
    }


def _check(answers: Predictions, rows: int) -> None:
    unusable = int((~np.isfinite(answers.values)).sum())
    if unusable:
        raise ModelUnusable(
            f"The model answered {unusable} of {rows} rows with something that is no number.",
            hint="Does it handle missing values? The data may have some.",
        )


def _latency_ms(runtime: Runtime, table: pa.Table) -> list[float]:
    """Milliseconds of one-row predictions: median and 99th percentile."""
    names = [column.name for column in runtime.facts.columns]
    rows = table.select(names).slice(max(table.num_rows - _TIMED_ROWS, 0)).to_pylist()
    times: list[float] = []
    began = time.perf_counter()
    for number, row in enumerate(rows):
        values = [_as_json(row[name]) for name in names]
        start = time.perf_counter()
        runtime.predict_rows([values])
        end = time.perf_counter()
        if number >= _WARM_UP_ROWS:
            times.append((end - start) * 1000)
        if end - began > _TIMING_SECONDS and times:
            break
    return [float(value) for value in np.percentile(times, [50, 99])]


def _as_json(value: Any) -> Any:
    """A value as a request carries it."""
    return value.isoformat() if hasattr(value, "isoformat") else value


if __name__ == "__main__":
    main()
