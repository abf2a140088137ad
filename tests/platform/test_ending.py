"""A platform that is told to end does it in order."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.embedded import wait_until
from tests.telemetry.receivers import Collector

HOUR_MS = "3600000"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_waits_to_be_told_is_sent_before_the_end(
    tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", HOUR_MS)
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", HOUR_MS)
        command = ["up", "--state", str(tmp_path / "state"), "--port", "0"]
        output = tmp_path / "up.log"
        with output.open("wb") as log:
            started = subprocess.Popen(
                [sys.executable, "-m", "northstar", *command], stdout=log, stderr=log
            )
        try:
            wait_until(lambda: "sign in" in output.read_text(), "the platform", output.read_text)
            url = output.read_text().partition("up at ")[2].split()[0]
            assert httpx2.get(f"{url}/api/squads", trust_env=False).status_code == 401
            assert collector.received == []
            started.send_signal(number)
            assert started.wait(60) == 0
        finally:
            started.kill()
            started.wait()
    collected = collector.collected()
    assert "GET /api/squads" in [span.name for span in collected.spans]
    assert "http.server.request.duration" in [metric.name for metric in collected.metrics]
