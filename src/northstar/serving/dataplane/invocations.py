"""MLflow's scoring protocol: ``POST /invocations`` with the four JSON forms that MLflow knows.

https://mlflow.org/docs/latest/deployment/deploy-model-locally: ``dataframe_split``,
``dataframe_records``, ``instances`` and ``inputs``.
"""

from __future__ import annotations

from typing import Any

import orjson

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

_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


def read(body: bytes, request_id: object, user: object, event_time: object) -> Question:
    """Read a scoring request but for its rows; raises ``BadInput``.

    MLflow's body has no place for the last three: they come as headers.
    """
    return Question(
        checked_id(request_id), checked_user(user), moment(event_time), parse_object(body)
    )


def rows(request: dict[str, Any], columns: Columns) -> Rows:
    """The rows of a scoring request, in the order of ``columns``; raises ``BadInput``."""
    forms = [name for name in _FORMS if name in request]
    if len(forms) != 1:
        raise BadInput(
            f"The body has {len(forms)} of {', '.join(_FORMS)}.", hint="Send exactly one of them."
        )
    if request.get("params"):
        raise BadInput("This endpoint takes no inference 'params'.")
    given = request[forms[0]]
    if forms[0] == "dataframe_split":
        found = _split_rows(given, columns)
    elif type(given) is dict:
        found = _rows_of_columns(given, columns)
    elif type(given) is list and given and type(given[0]) is dict:
        found = _record_rows(given, columns)
    else:
        found = _plain_rows(given, columns)
    if not found:
        raise BadInput("The request has no rows.")
    return found


def encode(version: int, request_id: str, facts: ModelFacts, answers: Answers) -> bytes:
    """Write the answer; ``predictions`` is what MLflow's clients look for."""
    answer: dict[str, Any] = {
        "predictions": answers,
        "prediction_ids": row_ids(request_id, len(answers)),
        "model_version": str(version),
    }
    if facts.task != "regression":
        answer["classes"] = facts.classes
    return orjson.dumps(answer)


def _split_rows(given: object, columns: Columns) -> Rows:
    if type(given) is not dict or type(given.get("data")) is not list:
        raise BadInput('\'dataframe_split\' is not {"columns": [...], "data": [[...], ...]}.')
    rows = given["data"]
    names = given.get("columns")
    if names is None or names == columns.names:
        return _plain_rows(rows, columns)
    if type(names) is not list:
        raise BadInput("'columns' of 'dataframe_split' is not a list.")
    places = {name: i for i, name in enumerate(names) if type(name) is str}
    missing = [name for name in columns.names if name not in places]
    if missing:
        raise missing_columns(missing, [str(name) for name in names])
    order = [places[name] for name in columns.names]
    for number, row in enumerate(rows):
        if type(row) is not list or len(row) != len(names):
            raise _unequal(number, len(names))
    return [[row[i] for i in order] for row in rows]


def _record_rows(given: list[Any], columns: Columns) -> Rows:
    rows = []
    for number, record in enumerate(given):
        if type(record) is not dict:
            raise BadInput(f"Row {number} is not an object, as the first one is.")
        try:
            rows.append([record[name] for name in columns.names])
        except KeyError:
            missing = [name for name in columns.names if name not in record]
            raise missing_columns(missing, list(record)) from None
    return rows


def _rows_of_columns(given: dict[str, Any], columns: Columns) -> Rows:
    missing = [name for name in columns.names if name not in given]
    if missing:
        raise missing_columns(missing, list(given))
    values = [cells if type(cells := given[name]) is list else [cells] for name in columns.names]
    if len({len(cells) for cells in values}) > 1:
        raise BadInput("The columns have different lengths.")
    return [list(row) for row in zip(*values, strict=True)]


def _plain_rows(given: object, columns: Columns) -> Rows:
    if type(given) is not list:
        raise BadInput("The rows are not a list.")
    for number, row in enumerate(given):
        if type(row) is not list or len(row) != columns.count:
            raise _unequal(number, columns.count)
    return given


def _unequal(number: int, wanted: int) -> BadInput:
    return BadInput(f"Row {number} is not a list of {wanted} values.")
