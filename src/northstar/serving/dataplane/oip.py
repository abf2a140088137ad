"""The Open Inference Protocol, version 2, over REST: requests in, answers out.

https://github.com/open-inference/open-inference-protocol. A table comes either as one tensor for
each column, by name, shape ``[rows]`` or ``[rows, 1]``; or as a single tensor of shape
``[rows, columns]`` in the order of the model's columns. Data may be flat or nested.
"""

from __future__ import annotations

from typing import Any

import orjson

from northstar.registry.domain import Column, ColumnType
from northstar.serving.dataplane.inputs import Rows, missing_columns
from northstar.serving.dataplane.questions import (
    Columns,
    Question,
    checked_id,
    checked_user,
    moment,
    parse_object,
    row_ids,
)
from northstar.serving.dataplane.runtimes.interface import Answers, ModelFacts
from northstar.serving.errors import BadInput

_NUMBERS = frozenset(
    ("FP64", "FP32", "FP16", "INT64", "INT32", "INT16", "INT8", "UINT64", "UINT32", "UINT16",
     "UINT8", "BOOL")
)  # fmt: skip
_ACCEPTED: dict[ColumnType, frozenset[str]] = {
    "double": _NUMBERS,
    "long": _NUMBERS,
    "boolean": frozenset(("BOOL",)),
    "string": frozenset(("BYTES",)),
    "datetime": frozenset(("BYTES",)),
}
_DATATYPE: dict[ColumnType, str] = {
    "double": "FP64",
    "long": "INT64",
    "boolean": "BOOL",
    "string": "BYTES",
    "datetime": "BYTES",
}


def read(body: bytes) -> Question:
    """Read an inference request but for its rows; raises ``BadInput``."""
    request = parse_object(body)
    request_id = request.get("id")
    parameters = request.get("parameters")
    user, event_time = "", None
    if parameters:
        if type(parameters) is not dict:
            raise BadInput("'parameters' is not an object.")
        user = checked_user(parameters.get("user"))
        event_time = moment(parameters.get("event_time"))
    return Question(checked_id(request_id) if request_id else "", user, event_time, request)


def rows(request: dict[str, Any], columns: Columns) -> Rows:
    """The rows of an inference request, in the order of ``columns``; raises ``BadInput``."""
    inputs = request.get("inputs")
    if type(inputs) is not list or not inputs:
        raise BadInput("The request has no 'inputs'.", hint="Send a list of tensors.")
    try:
        found = _tensor_rows(inputs, columns)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"A tensor of 'inputs' is malformed ({type(error).__name__}: {error}).",
            hint='A tensor is {"name": text, "shape": [numbers], "datatype": text, "data": [...]}.',
        ) from error
    if not found:
        raise BadInput("The request has no rows.")
    return found


def encode(model: str, version: int, request_id: str, facts: ModelFacts, answers: Answers) -> bytes:
    """Write the answer to an inference request."""
    count = len(answers)
    if facts.task == "multiclass":
        outputs = _class_outputs(facts, answers)
    else:
        name = "probability" if facts.task == "binary" else "prediction"
        outputs = [{"name": name, "datatype": "FP64", "shape": [count], "data": answers}]
    if count > 1:
        ids = row_ids(request_id, count)
        outputs.append(
            {"name": "prediction_id", "datatype": "BYTES", "shape": [count], "data": ids}
        )
    return orjson.dumps(
        {
            "model_name": model,
            "model_version": str(version),
            "id": request_id,
            "outputs": outputs,
        }
    )


def model_metadata(model: str, versions: list[int], flavor: str, facts: ModelFacts) -> bytes:
    """Write the answer to a model metadata request."""
    outputs = {
        "regression": [("prediction", "FP64", [-1])],
        "binary": [("probability", "FP64", [-1])],
        "multiclass": [
            ("probabilities", "FP64", [-1, len(facts.classes or ())]),
            ("label", "BYTES", [-1]),
        ],
    }[facts.task]
    metadata: dict[str, Any] = {
        "name": model,
        "versions": [str(version) for version in versions],
        "platform": f"northstar_{flavor.replace('.', '_')}",
        "inputs": [
            {"name": c.name, "datatype": _DATATYPE[c.type], "shape": [-1]} for c in facts.columns
        ],
        "outputs": [{"name": n, "datatype": d, "shape": shape} for n, d, shape in outputs],
    }
    if facts.classes:
        metadata["parameters"] = {"classes": ",".join(facts.classes)}
    return orjson.dumps(metadata)


def _class_outputs(facts: ModelFacts, answers: Answers) -> list[dict[str, Any]]:
    names = facts.classes or ()
    rows = [row for row in answers if isinstance(row, list)]
    labels = [names[row.index(max(row))] for row in rows]
    return [
        {
            "name": "probabilities",
            "datatype": "FP64",
            "shape": [len(rows), len(names)],
            "data": [value for row in rows for value in row],
        },
        {"name": "label", "datatype": "BYTES", "shape": [len(rows)], "data": labels},
    ]


def _tensor_rows(inputs: list[dict[str, Any]], columns: Columns) -> Rows:
    if len(inputs) == 1:
        tensor = inputs[0]
        shape = tensor["shape"]
        if len(shape) == 2 and (shape[1] != 1 or columns.count == 1):
            return _matrix_rows(tensor, shape, columns)
    return _column_rows(inputs, columns)


def _matrix_rows(tensor: dict[str, Any], shape: list[int], columns: Columns) -> Rows:
    count, width = shape
    data = tensor["data"]
    if width != columns.count:
        raise BadInput(
            f"The tensor has {width} columns; the model has {columns.count}.",
            hint=f"In this order: {', '.join(columns.names[:20])}.",
        )
    datatype = tensor["datatype"]
    if datatype not in _NUMBERS:
        for column in columns.columns:
            _check_datatype(datatype, column)
    if count == 1 and len(data) == width:
        if width == 1 and type(data[0]) is list:
            return [data[0]] if len(data[0]) == 1 else _refuse_size(tensor, shape)
        return [data]
    if len(data) == count and all(type(row) is list and len(row) == width for row in data):
        return data  # type: ignore[no-any-return]  # checked in the line above
    if len(data) != count * width:
        _refuse_size(tensor, shape)
    return [data[i : i + width] for i in range(0, len(data), width)]


def _column_rows(inputs: list[dict[str, Any]], columns: Columns) -> Rows:
    found: dict[int, list[Any]] = {}
    count = -1
    for tensor in inputs:
        position = columns.positions.get(tensor["name"])
        if position is None:
            continue  # the caller may send more than this model looks at
        _check_datatype(tensor["datatype"], columns.columns[position])
        shape, data = tensor["shape"], tensor["data"]
        if len(shape) > 2 or (len(shape) == 2 and shape[1] != 1) or not shape:
            raise BadInput(f"Column {tensor['name']!r} has shape {shape}, not [rows].")
        if len(data) != shape[0]:
            _refuse_size(tensor, shape)
        if data and type(data[0]) is list:
            data = [cell[0] if len(cell) == 1 else _refuse_size(tensor, shape) for cell in data]
        if count not in (-1, len(data)):
            raise BadInput(f"Column {tensor['name']!r} has {len(data)} rows, others have {count}.")
        count = len(data)
        found[position] = data
    if len(found) < columns.count:
        missing = [name for i, name in enumerate(columns.names) if i not in found]
        raise missing_columns(missing, [str(tensor["name"]) for tensor in inputs])
    if count == 1:
        return [[found[i][0] for i in range(columns.count)]]
    return [list(row) for row in zip(*(found[i] for i in range(columns.count)), strict=True)]


def _check_datatype(datatype: str, column: Column) -> None:
    accepted = _ACCEPTED[column.type]
    if datatype not in accepted:
        raise BadInput(
            f"Column {column.name!r} is {column.type}; its tensor has datatype {datatype!r}.",
            hint=f"Send it as {_DATATYPE[column.type]}.",
        )


def _refuse_size(tensor: dict[str, Any], shape: list[int]) -> Any:
    raise BadInput(
        f"Tensor {tensor.get('name')!r} has shape {shape}, but its data has another size."
    )
