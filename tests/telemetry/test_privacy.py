"""What a control plane tells of its requests has nothing in it that was sent with them in trust."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from northstar.platform.app import create_app
from northstar.platform.settings import Settings
from northstar.platform.wiring import build
from northstar.telemetry.settings import TelemetrySettings
from northstar.telemetry.start import start
from tests.telemetry.receivers import Collector, Ingestion

HUSH = "hush-4711"


def test_nothing_of_a_request_is_told_but_its_path_and_who_asked(
    tmp_path: Path, ingestion: Ingestion, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"x-api-key={HUSH}")
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", ingestion.connection_string)
    telemetry = start(TelemetrySettings.from_environment(), "northstar-control-plane", "test")
    platform = build(Settings.embedded(tmp_path, "127.0.0.1", 1), telemetry=telemetry)
    app = create_app(platform)

    @app.post("/breaks")
    def breaks() -> None:
        raise ValueError(HUSH)

    client = TestClient(app, raise_server_exceptions=False)
    headers = {
        "Authorization": f"Bearer {HUSH}",
        "Cookie": f"northstar_session={HUSH}",
        "User-Agent": HUSH,
        "Host": f"{HUSH}.example.com",
    }
    assert client.get(f"/api/squads?token={HUSH}", headers=headers).status_code == 401
    assert client.get(f"/sign-in?code={HUSH}").status_code >= 400
    form = {"grant_type": "client_credentials", "client_id": "x", "client_secret": HUSH}
    assert client.post("/oauth/token", data=form).status_code >= 400
    assert client.post("/breaks", json={"income": HUSH}, headers=headers).status_code == 500
    logging.getLogger("sqlalchemy.pool").error("cannot connect to %s", f"postgresql://a:{HUSH}@db")
    platform.close()

    assert len(ingestion.envelopes("RequestData")) == 4
    assert len(collector.collected().spans) == 4
    assert ingestion.envelopes("ExceptionData")
    assert collector.collected().logs
    for received in (*ingestion.received, *collector.received):
        assert HUSH.encode() not in received.body
