"""OTLP over HTTP with protobuf, to a collector that decodes what arrives."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime

import pytest

from northstar.telemetry import trace_context
from northstar.telemetry.interface import Event, Span, Telemetry
from northstar.telemetry.settings import TelemetrySettings
from northstar.telemetry.start import start
from tests.telemetry.receivers import Collector, Ingestion, Received, attributes


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
    telemetry.close()


def test_a_collector_that_does_not_answer_costs_neither_callers_nor_memory(
    otlp: TelemetrySettings, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "100")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "prometheus")
    released = threading.Event()

    def hang(_: Received) -> tuple[int, bytes]:
        released.wait(30)
        return 503, b""

    collector.answer = hang
    telemetry = begun(TelemetrySettings.from_environment())
    for _ in range(1_000):  # none waits for the collector, or this would never end
        telemetry.record(span())
    assert telemetry.lost_spans() == 1_000 - 100
    assert _metric(telemetry, "northstar_telemetry_lost_total", '"traces"') == 1_000 - 100
    started = time.monotonic()
    telemetry.close()
    assert time.monotonic() - started < 20
    released.set()


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
