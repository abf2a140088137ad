"""What an endpoint sends is no more than `docs/how-to/observing.md` says."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import pytest

from northstar.names import EndpointRef
from northstar.serving.dataplane.telemetry import EndpointTelemetry
from northstar.serving.dataplane.tracing import MOST_BETWEEN_REPORTS, Tracer
from northstar.serving.domain import LATENCY_EDGES_MS, EndpointStatus, VersionCounters
from northstar.telemetry.sampling import Sampler
from northstar.telemetry.settings import TelemetrySettings
from northstar.telemetry.start import start
from tests.telemetry.receivers import Collector, Ingestion, Receiver

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "observing.md"
ENDPOINT = EndpointRef("operations", "late-arrival", "prod")
ABOUT = {
    "service.namespace": str(ENDPOINT),
    "northstar.endpoint": str(ENDPOINT),
    "northstar.squad": ENDPOINT.squad,
    "northstar.project": ENDPOINT.project,
    "northstar.environment": ENDPOINT.environment,
}
REQUESTS = 100


def documented(row: str, place: int) -> float:
    """The kilobytes in one column of a row of the table of costs."""
    (line,) = [line for line in GUIDE.read_text().splitlines() if line.startswith(f"| {row}")]
    told = re.search(r"([\d.]+) KB", line.split("|")[place])
    assert told is not None
    return float(told[1])


def send(settings: TelemetrySettings, versions: int, requests: int) -> None:
    """Have an endpoint tell of some traced requests, and export its metrics once."""
    counters = tuple(
        VersionCounters(
            version=version,
            requests=1000,
            rows=1000,
            latency=(1,) * (len(LATENCY_EDGES_MS) + 1),
            latency_seconds=3.0,
        )
        for version in range(1, versions + 1)
    )
    status = EndpointStatus(
        instance="one",
        revision=1,
        url="http://127.0.0.1:1",
        started_at=datetime.now(UTC),
        counters=counters,
        versions=tuple(one.version for one in counters),
    )
    telemetry = start(settings, "northstar-endpoint", "0123456789abcdef", ABOUT)
    endpoint = EndpointTelemetry(ENDPOINT, telemetry, Sampler(1.0), spans=True)
    endpoint.watch(lambda: status, lambda: None)
    tracer = Tracer(Sampler(1.0), record=True)
    assert requests <= MOST_BETWEEN_REPORTS
    for _ in range(requests):
        trace = tracer.begin(None)
        assert trace is not None
        trace.version, trace.prediction, trace.rows = 1, "5727871210d4d43d-4", 1
        tracer.end(trace, perf_counter(), "/invocations", 200)
    endpoint.tell([list(told) for told in tracer.take()])
    endpoint.close()


def kilobytes(receiver: Receiver) -> float:
    return sum(len(one.body) for one in receiver.received) / 1000


def in_azure(versions: int, requests: int) -> tuple[float, int]:
    with Ingestion() as ingestion:
        send(TelemetrySettings(azure_monitor=ingestion.connection_string), versions, requests)
        return kilobytes(ingestion), len(ingestion.envelopes())


def at_a_collector(versions: int, requests: int, monkeypatch: pytest.MonkeyPatch) -> float:
    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        send(TelemetrySettings.from_environment(), versions, requests)
        return kilobytes(collector)


def test_azure_is_sent_no_more_than_is_documented() -> None:
    resting, items = in_azure(1, 0)
    asked, items_asked = in_azure(1, REQUESTS)
    wider, items_wider = in_azure(2, 0)
    assert (items, items_asked, items_wider) == (10, 10 + REQUESTS, 15)
    assert resting == pytest.approx(documented("metrics of an endpoint", 3), rel=0.15)
    assert wider - resting == pytest.approx(documented("each further version", 3), rel=0.15)
    one = documented("one traced request", 3)
    assert (asked - resting) / REQUESTS == pytest.approx(one, rel=0.15)
    assert documented("1,000 predictions", 3) == 10 * one


def test_a_collector_is_sent_no_more_than_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    resting = at_a_collector(1, 0, monkeypatch)
    wider = at_a_collector(2, 0, monkeypatch)
    asked = at_a_collector(1, REQUESTS, monkeypatch)
    assert resting == pytest.approx(documented("metrics of an endpoint", 2), rel=0.15)
    assert wider - resting == pytest.approx(documented("each further version", 2), rel=0.15)
    one = documented("one traced request", 2)
    assert (asked - resting) / REQUESTS == pytest.approx(one, rel=0.15)
    assert documented("1,000 predictions", 2) == 10 * one
