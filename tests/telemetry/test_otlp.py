"""OTLP over HTTP with protobuf, to a collector that decodes what arrives."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from northstar.errors import Invalid
from northstar.telemetry import trace_context
from northstar.telemetry.interface import Event, Span, Telemetry
from northstar.telemetry.settings import TelemetrySettings
from northstar.telemetry.start import start
from tests.telemetry.receivers import KEY, Collector, Ingestion, Received, attributes


@pytest.fixture
def otlp(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> TelemetrySettings:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=secret")
    return TelemetrySettings.from_environment()


def begun(settings: TelemetrySettings) -> Telemetry:
    return start(settings, "northstar-endpoint", "worker-1", {"northstar.endpoint": "a/b/prod"})


def span(name: str = "work", *, sampled: bool = True) -> Span:
    return Span(name, trace_context.new(sampled=sampled), 1_000, 3_000)


def test_every_signal_arrives_with_its_resource(
    otlp: TelemetrySettings, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=prod")
    cause, parent = trace_context.new(sampled=True), trace_context.new(sampled=True)
    own = parent.child()
    telemetry = begun(otlp)
    telemetry.record(
        Span("POST", own, 1_000, 3_000, "server", parent, {"n": 1}, (cause,), error="it broke")
    )
    telemetry.instruments.counter("asked", "{request}", "Requests.").add(2)
    with trace_context.using(own):
        logging.getLogger("northstar.x").error("oh no")
    at = datetime(2026, 9, 21, tzinfo=UTC)
    telemetry.deliver([Event("1", "northstar.release", at, own, {"state": "live"})])
    telemetry.close()

    collected = collector.collected()
    for resource in collected.resources:
        assert resource["service.name"] == "northstar-endpoint"
        assert resource["service.instance.id"] == "worker-1"
        assert resource["northstar.endpoint"] == "a/b/prod"
        assert resource["deployment.environment.name"] == "prod"
    (found,) = collected.spans
    assert (found.trace_id.hex(), found.span_id.hex()) == (own.trace_id, own.span_id)
    assert found.parent_span_id.hex() == parent.span_id
    assert (found.start_time_unix_nano, found.end_time_unix_nano) == (1_000, 3_000)
    assert found.links[0].trace_id.hex() == cause.trace_id
    assert (found.status.code, found.status.message) == (2, "it broke")
    assert (found.kind, attributes(found)) == (2, {"n": 1})
    asked = next(metric for metric in collected.metrics if metric.name == "asked")
    assert asked.sum.data_points[0].as_int == 2
    logged = {record.event_name: record for record in collected.logs}
    assert logged[""].body.string_value == "oh no"
    assert logged[""].trace_id.hex() == own.trace_id
    assert logged["northstar.release"].span_id.hex() == own.span_id
    assert attributes(logged["northstar.release"])["state"] == "live"
    assert {received.headers["x-api-key"] for received in collector.received} == {"secret"}


def test_what_the_operator_calls_the_service_is_its_name(
    otlp: TelemetrySettings, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mlops")
    telemetry = begun(otlp)
    telemetry.record(span())
    telemetry.close()
    assert collector.collected().resources[0]["service.name"] == "mlops"


def test_what_is_not_sampled_stays_here(otlp: TelemetrySettings, collector: Collector) -> None:
    telemetry = begun(otlp)
    telemetry.record(span("unwanted", sampled=False))
    telemetry.record(span("wanted"))
    telemetry.close()
    assert [found.name for found in collector.collected().spans] == ["wanted"]


@pytest.mark.parametrize(
    ("sampler", "new", "child"),
    [("always_on", True, True), ("always_off", False, False), ("parentbased_always_off", False, 1)],
)
def test_the_sampler_of_the_environment_decides(
    otlp: TelemetrySettings, monkeypatch: pytest.MonkeyPatch, sampler: str, new: bool, child: bool
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    telemetry = begun(otlp)
    parent = trace_context.new(sampled=True)
    assert telemetry.begin(None).sampled == new
    below = telemetry.begin(parent)
    assert (below.trace_id, below.sampled) == (parent.trace_id, child)
    telemetry.close()


def test_an_event_goes_again_only_to_where_it_did_not_arrive(
    otlp: TelemetrySettings,
    collector: Collector,
    ingestion: Ingestion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", ingestion.connection_string)
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "prometheus")
    telemetry = begun(TelemetrySettings.from_environment())
    event = Event("1", "x", datetime.now(UTC), trace_context.new(sampled=True))
    accept, collector.answer = collector.answer, lambda _: (400, b"")
    with pytest.raises(Exception, match="otlp"):
        telemetry.deliver([event])
    collector.answer = accept
    collector.received.clear()
    telemetry.deliver([event])
    assert len(ingestion.envelopes("EventData")) == 1
    assert len([record for record in collector.collected().logs if record.event_name]) == 1
    assert _metric(telemetry, "northstar_telemetry_lost_total", '"logs"') == 0  # it was kept
    telemetry.close()


@pytest.fixture
def hanging(collector: Collector) -> Iterator[Collector]:
    """Takes what it is sent and does not answer."""
    released = threading.Event()

    def hang(_: Received) -> tuple[int, bytes]:
        released.wait(30)
        return 503, b""

    collector.answer = hang
    yield collector
    released.set()


def test_a_collector_that_does_not_answer_costs_neither_callers_nor_memory(
    otlp: TelemetrySettings, hanging: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "100")
    monkeypatch.setenv("OTEL_BLRP_MAX_QUEUE_SIZE", "50")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "prometheus")
    telemetry = begun(TelemetrySettings.from_environment())
    for _ in range(1_000):  # none waits for the collector, or this would never end
        telemetry.record(span())
        logging.getLogger("northstar.x").warning("again")
    assert telemetry.lost_spans() == 1_000 - 100
    assert _metric(telemetry, "northstar_telemetry_lost_total", '"traces"') == 1_000 - 100
    assert _metric(telemetry, "northstar_telemetry_lost_total", '"logs"') == 1_000 - 50
    telemetry.close()


ENDS = """
import logging
from northstar.telemetry import trace_context
from northstar.telemetry.interface import Span
from northstar.telemetry.settings import TelemetrySettings
from northstar.telemetry.start import start

telemetry = start(TelemetrySettings.from_environment(), "northstar-run", "1")
for _ in range(7):
    telemetry.record(Span("work", trace_context.new(sampled=True), 1, 2))
logging.getLogger("northstar.x").warning("oh no")
telemetry.instruments.counter("asked", "{request}", "Requests.").add(1)
telemetry.close()
print("closed")
"""


@pytest.mark.parametrize("exporter", ["otlp", "azure-monitor"])
def test_a_process_ends_while_its_collector_hangs_and_says_what_is_lost(
    hanging: Collector, exporter: str
) -> None:
    key = f"InstrumentationKey={KEY};IngestionEndpoint={hanging.url}/"
    where = {
        "otlp": {"OTEL_EXPORTER_OTLP_ENDPOINT": hanging.url, "OTEL_EXPORTER_OTLP_TIMEOUT": "600"},
        "azure-monitor": {"APPLICATIONINSIGHTS_CONNECTION_STRING": key},
    }[exporter]
    done = subprocess.run(
        [sys.executable, "-c", ENDS],
        env={**os.environ, **where},
        capture_output=True,
        text=True,
        timeout=60,  # the hanging collector itself would hold it for longer
        check=True,
    )
    assert done.stdout == "closed\n"
    assert f"spans for {exporter}: 7" in done.stderr
    assert f"log records for {exporter}: 1" in done.stderr
    assert f"batches of metrics for {exporter}: 1" in done.stderr


def test_one_collector_that_hangs_takes_no_time_from_another(
    otlp: TelemetrySettings,
    hanging: Collector,
    ingestion: Ingestion,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", ingestion.connection_string)
    telemetry = begun(TelemetrySettings.from_environment())
    telemetry.record(span())
    logging.getLogger("northstar.x").warning("oh no")
    telemetry.instruments.counter("asked", "{request}", "Requests.").add(2)
    telemetry.close()
    kinds = {envelope.kind for envelope in ingestion.envelopes()}
    assert kinds == {"RemoteDependencyData", "MessageData", "MetricData"}
    assert "spans for otlp: 1" in caplog.text
    assert "azure-monitor" not in caplog.text


def test_what_comes_after_the_end_is_counted(otlp: TelemetrySettings, collector: Collector) -> None:
    telemetry = begun(otlp)
    telemetry.close()
    telemetry.record(span())
    assert telemetry.lost_spans() == 1
    assert collector.collected().spans == []


def test_a_variable_that_the_sdk_refuses_is_told_as_such(
    otlp: TelemetrySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "-1")
    with pytest.raises(Invalid, match="OpenTelemetry's variables") as refused:
        begun(otlp)
    assert "OTEL_" in refused.value.hint


def test_what_the_collector_refuses_is_counted(
    otlp: TelemetrySettings, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "prometheus")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    collector.answer = lambda _: (400, b"")
    telemetry = begun(TelemetrySettings.from_environment())
    telemetry.record(span())
    deadline = time.monotonic() + 20
    while not (lost := _metric(telemetry, "northstar_telemetry_lost_total", '"traces"')):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert lost == 1
    telemetry.close()


def _metric(telemetry: Telemetry, name: str, label: str) -> float:
    text = (telemetry.scrape() or b"").decode()
    lines = [line for line in text.splitlines() if line.startswith(name) and label in line]
    return sum(float(line.rpartition(" ")[2]) for line in lines)
