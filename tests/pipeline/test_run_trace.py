"""A run is a trace: of whoever asked for it, with a span of each step, known to MLflow."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from northstar.connection import Connection, Credentials
from northstar.pipeline.domain import STEPS
from northstar.pipeline.run_folder import RunFolder
from northstar.telemetry import trace_context
from northstar.telemetry.trace_context import TraceContext, parse
from tests.pipeline.builders import orders, write_project
from tests.telemetry.receivers import Collector, attributes

TRAINING = """
import os
from pathlib import Path
from northstar.linear import LogisticRegression

ASIDE = Path({aside!r})

def fit(table, parameters):
    if not ASIDE.exists():
        assert "OTEL_EXPORTER_OTLP_HEADERS" not in os.environ
        ASIDE.write_text(os.environ["TRACEPARENT"])
        raise ValueError("distance 12345 is too far")
    ASIDE.write_text(os.environ["TRACEPARENT"])
    return LogisticRegression().fit(table[["distance", "items"]], table["late"])
"""


class Bench:
    """A project whose training says in which trace it is; it fails the first time."""

    def __init__(self, folder: Path, platform: Credentials, collector: Collector) -> None:
        self.collector = collector
        self.project = folder / "project"
        self.project.mkdir()
        self.aside = folder / "aside"
        (self.project / "training.py").write_text(TRAINING.format(aside=str(self.aside)))
        write_project(self.project, orders(1000))
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "NORTHSTAR_URL": platform.url,
            "NORTHSTAR_TOKEN": platform.token,
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_HEADERS": "x-api-key=hidden",
        }

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "northstar", "run", "-C", str(self.project), *arguments]
        return subprocess.run(
            command,
            env=self._environment | variables,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def state(self) -> tuple[str, TraceContext, str]:
        """The run's name, the trace that it keeps, and its MLflow run."""
        (place,) = (self.project / ".northstar" / "runs").iterdir()
        state = RunFolder.find(self.project, place.name).load()
        kept = parse(state.traceparent)
        assert kept is not None
        return place.name, kept, state.mlflow_run


@pytest.fixture
def bench(tmp_path: Path, platform: Credentials) -> Iterator[Bench]:
    with Collector() as collector:
        yield Bench(tmp_path, platform, collector)


def test_a_run_goes_on_in_the_trace_that_it_was_started_in_and_so_do_its_later_attempts(
    bench: Bench, connection: Connection
) -> None:
    asked = trace_context.new(sampled=True)
    failed = bench.run(TRACEPARENT=str(asked))
    assert failed.returncode != 0
    name, kept, mlflow_run = bench.state()
    assert kept.trace_id == asked.trace_id
    first = {span.name: span for span in bench.collector.collected().spans}
    assert set(first) == {"run", "run data", "run split", "run train"}
    assert first["run"].parent_span_id.hex() == asked.span_id
    assert first["run"].status.message == first["run train"].status.message == "ScriptFailed"
    assert first["run data"].status.message == ""
    in_training = parse(bench.aside.read_text())
    assert in_training is not None
    assert in_training.span_id == first["run train"].span_id.hex()

    bench.collector.received.clear()
    done = bench.run("--resume", name)
    assert done.returncode == 0, done.stderr
    second = {span.name: span for span in bench.collector.collected().spans}
    assert set(second) == {"run", *(f"run {step}" for step in STEPS[2:])}
    assert second["run"].parent_span_id.hex() == kept.span_id
    for span in second.values():
        assert span.trace_id.hex() == asked.trace_id
        assert attributes(span)["northstar.mlflow_run"] == mlflow_run
        assert span.name == "run" or span.parent_span_id == second["run"].span_id

    path = f"/mlflow/api/2.0/mlflow/runs/get?run_id={mlflow_run}"
    run = connection.request("GET", path, headers={"X-MLFLOW-WORKSPACE": "shops"})["run"]
    tags = {tag["key"]: tag["value"] for tag in run["data"]["tags"]}
    assert tags["northstar.trace_id"] == asked.trace_id


def test_a_run_does_not_fail_for_settings_of_telemetry(bench: Bench) -> None:
    bench.aside.write_text("")
    done = bench.run(OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    assert done.returncode == 0, done.stderr
    assert "The run is not traced" in done.stderr
    assert bench.collector.received == []
