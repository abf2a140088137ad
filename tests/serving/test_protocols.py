from __future__ import annotations

import json
from typing import Any

import pytest

from northstar.registry.domain import Column
from northstar.serving.dataplane import invocations, oip
from northstar.serving.dataplane.questions import Columns, moment
from northstar.serving.errors import BadInput

COLUMNS = Columns([Column(name="a", type="double"), Column(name="b", type="string")])
NUMBERS = Columns([Column(name=name, type="double") for name in "xyz"])


def tensor(name: str, data: list[Any], kind: str = "FP64", shape: Any = None) -> dict[str, Any]:
    return {"name": name, "datatype": kind, "data": data, "shape": shape or [len(data)]}


@pytest.mark.parametrize(
    ("inputs", "columns", "rows"),
    [
        ([tensor("b", ["u"], "BYTES"), tensor("a", [1.5])], COLUMNS, [[1.5, "u"]]),
        (
            [tensor("a", [1, 2]), tensor("c", [0, 0]), tensor("b", ["u", None], "BYTES", [2, 1])],
            COLUMNS,
            [[1, "u"], [2, None]],
        ),
        ([tensor("in", [1, 2, 3], shape=[1, 3])], NUMBERS, [[1, 2, 3]]),
        ([tensor("in", [1, 2, 3, 4, 5, 6], shape=[2, 3])], NUMBERS, [[1, 2, 3], [4, 5, 6]]),
        ([tensor("in", [[1, 2, 3], [4, 5, 6]], shape=[2, 3])], NUMBERS, [[1, 2, 3], [4, 5, 6]]),
        ([tensor(n, [[7]], shape=[1, 1]) for n in "xyz"], NUMBERS, [[7, 7, 7]]),
    ],
)
def test_every_form_of_tensors_gives_the_same_rows(
    inputs: list[Any], columns: Columns, rows: list[Any]
) -> None:
    assert oip.rows({"inputs": inputs}, columns) == rows


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (None, "no 'inputs'"),
        ([], "no 'inputs'"),
        ([tensor("a", [1])], "lacks column 'b'"),
        ([tensor("a", ["x"], "BYTES"), tensor("b", ["u"], "BYTES")], "'a' is double"),
        ([tensor("a", [1, 2]), tensor("b", ["u"], "BYTES")], "'b' has 1 rows, others have 2"),
        ([tensor("a", [1], shape=[2]), tensor("b", ["u"], "BYTES")], r"shape \[2\]"),
        ([tensor("a", [1, 2, 3], shape=[1, 3])], "3 columns; the model has 2"),
        ([{"name": "a"}], "malformed"),
        ([7], "malformed"),
        ([tensor("a", [], shape=[0]), tensor("b", [], "BYTES", shape=[0])], "no rows"),
    ],
)
def test_malformed_tensors_are_explained(inputs: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        oip.rows({"inputs": inputs}, COLUMNS)


@pytest.mark.parametrize(
    "request_",
    [
        {"dataframe_split": {"columns": ["a", "b"], "data": [[1, "u"], [2, "v"]]}},
        {"dataframe_split": {"columns": ["c", "b", "a"], "data": [[0, "u", 1], [0, "v", 2]]}},
        {"dataframe_records": [{"a": 1, "b": "u", "c": 0}, {"b": "v", "a": 2}]},
        {"instances": [{"a": 1, "b": "u"}, {"a": 2, "b": "v"}]},
        {"inputs": {"a": [1, 2], "b": ["u", "v"]}},
        {"inputs": [[1, "u"], [2, "v"]]},
    ],
)
def test_every_scoring_form_gives_the_same_rows(request_: dict[str, Any]) -> None:
    assert invocations.rows(request_, COLUMNS) == [[1, "u"], [2, "v"]]


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({}, "0 of dataframe_split"),
        ({"inputs": [], "instances": []}, "2 of dataframe_split"),
        ({"inputs": []}, "no rows"),
        ({"inputs": [[1]]}, "Row 0 is not a list of 2 values"),
        ({"dataframe_records": [{"a": 1}]}, "lacks column 'b'"),
        ({"dataframe_split": {"columns": ["a"], "data": [[1]]}}, "lacks column 'b'"),
        ({"dataframe_split": [1]}, "dataframe_split"),
        ({"inputs": {"a": [1, 2], "b": ["u"]}}, "different lengths"),
        ({"inputs": [[1, "u"]], "params": {"t": 1}}, "params"),
    ],
)
def test_malformed_scoring_requests_are_explained(request_: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        invocations.rows(request_, COLUMNS)


def test_an_inference_request_may_say_who_and_when() -> None:
    body = {"id": "r1", "parameters": {"user": 7, "event_time": "2013-04-01T06:00:00+02:00"}}
    read = oip.read(json.dumps(body).encode())
    assert (read.id, read.user, read.event_time) == ("r1", "7", 1364788800 * 1_000_000)


@pytest.mark.parametrize("value", ["yesterday", -1, 1e300, True, [], float("1e12")])
def test_a_time_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(BadInput, match="is not a time"):
        moment(value)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"id": 7}', b'{"parameters": 1}'])
def test_a_body_that_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput):
        oip.read(body)
