"""A control plane whose collector takes nothing goes on, forgets no event and counts the rest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from northstar.clock import SystemClock
from northstar.errors import Unavailable
from northstar.platform.app import create_app
from northstar.platform.settings import Settings
from northstar.platform.wiring import Platform, build
from northstar.telemetry import outbox, trace_context
from northstar.telemetry.settings import TelemetrySettings
from northstar.telemetry.start import start
from tests.serving.endpoints import eventually
from tests.telemetry.receivers import Collector

REQUESTS, QUEUE = 100, 20


def test_requests_are_answered_what_is_lost_is_counted_and_events_wait(
    tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "prometheus")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", str(QUEUE))
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    accept, collector.answer = collector.answer, lambda _: (400, b"")
    telemetry = start(TelemetrySettings.from_environment(), "northstar-control-plane", "test")
    platform = build(Settings.embedded(tmp_path, "127.0.0.1", 1), telemetry=telemetry)
    events = platform.backlogs["events"]
    client = TestClient(create_app(platform))
    for _ in range(REQUESTS):
        assert client.get("/api/squads").status_code == 401
    tell(platform)
    with pytest.raises(Unavailable, match="otlp"):
        events.step()
    assert events.waiting() == 1
    eventually(lambda: telemetry.lost_spans() >= REQUESTS - QUEUE)
    lost = re.findall(
        r'^northstar_telemetry_lost_total{.*signal="traces".*} (\S+)$',
        (telemetry.scrape() or b"").decode(),
        re.MULTILINE,
    )
    assert sum(map(float, lost)) >= REQUESTS - QUEUE
    assert client.get("/healthz").status_code == 200

    collector.received.clear()
    collector.answer = accept
    assert (events.step(), events.waiting()) == (1, 0)
    platform.close()
    told = [record for record in collector.collected().logs if record.event_name]
    assert [record.event_name for record in told] == ["northstar.release"]


def tell(platform: Platform) -> None:
    with platform.database.begin() as connection:
        outbox.emit_of(
            connection,
            "northstar.release",
            SystemClock().now(),
            {"state": "live"},
            what="release live",
            subject=str(trace_context.new(sampled=True)),
        )
