from __future__ import annotations

import json
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from northstar.registry.domain import Column
from northstar.serving.dataplane.capture import ACKNOWLEDGEMENT, Record
from northstar.serving.dataplane.capture_writer import CaptureWriter
from northstar.serving.dataplane.fake import FakeControlPlane
from northstar.serving.domain import CaptureSpec, ModelSpec
from tests.serving.endpoints import (
    RunningEndpoint,
    captured_rows,
    empty_spec,
    eventually,
    model_spec,
    processes,
    spec,
)
from tests.serving.models import booster_folder

MODEL = ModelSpec(
    version=3,
    digest="sha256:" + "0" * 64,
    flavor="lightgbm",
    task="regression",
    columns=(
        Column(name="n", type="double"),
        Column(name="k", type="long"),
        Column(name="s", type="string"),
        Column(name="b", type="boolean"),
        Column(name="t", type="datetime"),
    ),
)


def describe(
    writer: CaptureWriter,
    model: ModelSpec = MODEL,
    session: str = "cafe",
    disk_mb: int | None = None,
) -> None:
    writer.describe(
        {
            "endpoint": "operations/late-arrival/prod",
            "session": session,
            "flush_seconds": 1.0,
            "disk_mb": disk_mb,
            "models": [model.model_dump(mode="json")],
        }
    )


def record(name: str, rows: list[list[Any]], answers: list[Any], version: int = 3) -> Record:
    at = int(datetime(2013, 4, 1, tzinfo=UTC).timestamp() * 1e6)
    body = json.dumps({"inputs": rows}).encode()
    return (name, at, at + 1, version, "invocations", body, answers, None)


def test_a_segment_holds_typed_columns_and_says_what_it_covers(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path)
    describe(writer)
    rows = [[1, 2.0, "u", True, "2013-04-01T06:00:00Z"], [True, None, None, None, None]]
    writer.take(1, [record("r", rows, [0.5, 1.5])])
    writer.flush()

    (path,) = tmp_path.rglob("*.arrow")
    assert path.relative_to(tmp_path).parts[:4] == (
        "operations",
        "late-arrival",
        "prod",
        "predictions",
    )
    with pa.ipc.open_file(path) as file:
        table = file.read_all()
    summary = json.loads(table.schema.metadata[b"northstar"])
    assert (summary["version"], summary["rows"]) == (3, 2)
    assert summary["min_event_time"] == "2013-04-01T00:00:00+00:00"
    assert table.column("prediction_id").to_pylist() == ["r:0", "r:1"]
    assert table.column("prediction").to_pylist() == [0.5, 1.5]
    assert table.column("f.n").to_pylist() == [1.0, 1.0]
    assert table.column("f.k").to_pylist() == [2, None]
    assert table.column("f.b").to_pylist() == [True, None]
    assert table.column("f.t")[0].as_py() == datetime(2013, 4, 1, 6, tzinfo=UTC)
    assert str(table.schema.field("event_time").type) == "timestamp[us, tz=UTC]"


def test_multiclass_answers_keep_label_and_probabilities(tmp_path: Path) -> None:
    model = MODEL.model_copy(update={"task": "multiclass", "classes": ("x", "y")})
    writer = CaptureWriter(tmp_path)
    describe(writer, model)
    writer.take(1, [record("r", [[None] * 5], [[0.2, 0.8]])])
    writer.flush()
    (row,) = captured_rows(tmp_path)
    assert (row["prediction"], row["label"], row["probabilities"]) == (0.8, "y", [0.2, 0.8])


def test_a_record_that_cannot_be_read_is_counted_and_the_rest_kept(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path)
    describe(writer)
    good = record("good", [[1, 1, "u", True, None]], [0.5])
    writer.take(7, [record("short", [[1]], [0.1]), good])
    assert ACKNOWLEDGEMENT.unpack(writer.flush()) == (7, 1, 1)
    assert [row["prediction_id"] for row in captured_rows(tmp_path)] == ["good"]


def test_a_value_no_column_holds_becomes_missing(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path)
    describe(writer)
    writer.take(1, [record("r", [[1, 2**70, "u", True, "soon"]], [0.5])])
    writer.flush()
    (row,) = captured_rows(tmp_path)
    assert (row["f.n"], row["f.k"], row["f.t"]) == (1.0, None, None)


def test_a_writer_that_takes_over_writes_nothing_twice(tmp_path: Path) -> None:
    first = CaptureWriter(tmp_path)
    describe(first)
    frames = [[record(str(i), [[i, i, "u", True, None]], [0.5])] for i in range(4)]
    for sequence, frame in enumerate(frames[:2], start=1):
        first.take(sequence, frame)
    first.flush()  # and is killed before anybody reads its acknowledgement

    second = CaptureWriter(tmp_path)
    describe(second)
    for sequence, frame in enumerate(frames, start=1):
        second.take(sequence, frame)

    assert ACKNOWLEDGEMENT.unpack(second.flush()) == (4, 4, 0)
    ids = sorted(row["prediction_id"] for row in captured_rows(tmp_path))
    assert ids == ["0", "1", "2", "3"]


def test_a_disk_that_refuses_loses_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "operations"
    blocked.write_text("a file where a folder should be")
    writer = CaptureWriter(tmp_path)
    describe(writer)
    writer.take(1, [record("r", [[1, 1, "u", True, None]], [0.5])])
    with pytest.raises(OSError, match="operations"):
        writer.flush()
    blocked.unlink()
    assert ACKNOWLEDGEMENT.unpack(writer.flush()) == (1, 1, 0)
    assert len(captured_rows(tmp_path)) == 1


def test_what_does_not_fit_is_dropped_and_counted(tmp_path: Path) -> None:
    """A writer that stands still: requests are answered, and every lost row is counted."""
    model, table, _ = booster_folder(tmp_path / "model")
    control = FakeControlPlane(empty_spec())
    wanted = spec(1, [model_spec(1, model, control.add_model(model))])
    little = CaptureSpec(flush_seconds=0.2, waiting_mb=1)
    control.spec = wanted.model_copy(update={"capture": little})
    names, row = list(table.columns), table.rows()[:1]
    large = row * 2_000
    with RunningEndpoint(tmp_path, control) as endpoint:
        endpoint.serves(1)
        (writer,) = eventually(
            lambda: processes("dataplane.capture_writer", str(endpoint.captures))
        )
        os.kill(writer, signal.SIGSTOP)
        try:
            sent = 0
            while endpoint.agent.status().dropped == 0:
                assert endpoint.infer(large, names).status_code == 200
                sent += len(large)
                assert sent < 2_000_000
        finally:
            os.kill(writer, signal.SIGCONT)
        eventually(
            lambda: endpoint.agent.status().captured + endpoint.agent.status().dropped == sent
        )
        assert len(captured_rows(endpoint.captures)) == endpoint.agent.status().captured
