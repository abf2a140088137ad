"""What the control plane tells of its requests, and what Prometheus reads of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from northstar.access.domain import PLATFORM, RoleName, principal_of
from northstar.connection import PLATFORM_AUDIENCE
from northstar.names import Scope
from northstar.platform.app import create_app
from northstar.platform.settings import Settings
from northstar.platform.wiring import Platform, build
from northstar.telemetry import trace_context
from northstar.telemetry.fake import RecordingTelemetry
from northstar.telemetry.interface import Span, Telemetry
from northstar.telemetry.settings import TelemetrySettings
from northstar.telemetry.start import start

CALLER = trace_context.new(sampled=True)


class World:
    """The real application on telemetry of the test's choice."""

    def __init__(self, state: Path, telemetry: Telemetry) -> None:
        self.platform: Platform = build(
            Settings.embedded(state, "127.0.0.1", 1), telemetry=telemetry
        )
        self.app: FastAPI = create_app(self.platform)
        self.client = TestClient(self.app, raise_server_exceptions=False)

    def headers(self, name: str, role: RoleName, scope: Scope | None = None) -> dict[str, str]:
        directory = self.platform.access.directory
        who = directory.ensure(principal_of("user", name), ())
        directory.assign(who.id, role, scope or Scope(), PLATFORM.id)
        token = self.platform.access.token_for(who, PLATFORM_AUDIENCE).access_token
        return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[tuple[World, list[Span]]]:
    telemetry = RecordingTelemetry()
    world = World(tmp_path, telemetry)
    yield world, telemetry.spans
    world.platform.close()


@pytest.fixture
def scraped(tmp_path: Path) -> Iterator[World]:
    settings = TelemetrySettings(prometheus=True)
    world = World(tmp_path, start(settings, "northstar-control-plane", "test"))
    yield world
    world.platform.close()


def test_a_request_has_a_span_with_its_route_its_caller_and_its_squad(
    recorded: tuple[World, list[Span]],
) -> None:
    world, spans = recorded
    headers = world.headers("ada", "platform-admin")
    answer = world.client.get("/api/squads/ops/projects?token=secret", headers=headers)
    (span,) = spans
    assert (span.name, span.kind) == ("GET /api/squads/{squad}/projects", "server")
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": "/api/squads/{squad}/projects",
        "http.response.status_code": answer.status_code,
        "url.path": "/api/squads/ops/projects",
        "url.scheme": "http",
        "server.address": "testserver",
        "server.port": 80,
        "enduser.id": "user:ada",
        "northstar.squad": "ops",
    }
    assert span.end_ns > span.start_ns
    assert "secret" not in repr(span)


def test_a_callers_trace_goes_on_here(recorded: tuple[World, list[Span]]) -> None:
    world, spans = recorded
    world.client.get("/api/squads", headers={"traceparent": str(CALLER)})
    assert spans[0].parent == CALLER
    assert spans[0].context.trace_id == CALLER.trace_id


def test_what_is_not_sampled_has_no_span(recorded: tuple[World, list[Span]]) -> None:
    world, spans = recorded
    off = trace_context.new(sampled=False)
    world.client.get("/api/squads", headers={"traceparent": str(off)})
    assert spans == []


def test_probes_and_polls_have_no_spans_unless_they_fail(
    recorded: tuple[World, list[Span]],
) -> None:
    world, spans = recorded
    assert world.client.get("/healthz").status_code == 200
    assert spans == []
    world.client.get("/metrics")
    assert [span.attributes["http.response.status_code"] for span in spans] == [401]


def test_made_up_paths_have_no_route(recorded: tuple[World, list[Span]]) -> None:
    world, spans = recorded
    world.client.get("/wp-admin/setup.php")
    assert spans[0].name == "GET"
    assert "http.route" not in spans[0].attributes


def test_mlflows_requests_are_one_route_with_their_caller(
    recorded: tuple[World, list[Span]],
) -> None:
    world, spans = recorded
    headers = world.headers("ada", "platform-admin") | {"X-MLFLOW-WORKSPACE": "ops"}
    world.client.get("/mlflow/api/2.0/mlflow/runs/get?run_id=x", headers=headers)
    assert spans[0].name == "GET /mlflow"
    assert spans[0].attributes["enduser.id"] == "user:ada"
    assert spans[0].attributes["northstar.squad"] == "ops"


def test_a_defect_is_an_error_of_its_span_and_its_log_line_has_the_trace(
    recorded: tuple[World, list[Span]], caplog: pytest.LogCaptureFixture
) -> None:
    world, spans = recorded
    seen: list[Any] = []

    @world.app.get("/broken")
    def broken() -> None:
        seen.append(trace_context.current())
        raise ZeroDivisionError

    with caplog.at_level(logging.CRITICAL):
        assert world.client.get("/broken").status_code == 500
    assert spans[0].error == "HTTP 500"
    assert spans[0].attributes["error.type"] == "500"
    assert seen == [spans[0].context]


def families(world: World, headers: dict[str, str]) -> dict[str, Any]:
    answer = world.client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def test_prometheus_reads_durations_and_decisions(scraped: World) -> None:
    reader = scraped.headers("prometheus", "metrics-reader")
    scraped.client.get("/api/squads", headers=reader)
    scraped.client.post("/api/squads", headers=reader, json={"name": "ops"})
    scraped.client.get("/api/squads")
    found = families(scraped, reader)
    counts = {
        (sample.labels["http_route"], sample.labels["http_response_status_code"]): sample.value
        for sample in found["http_server_request_duration_seconds"].samples
        if sample.name.endswith("_count")
    }
    assert counts["/api/squads", "200"] == 1
    assert counts["/api/squads", "401"] == 1
    decisions = {
        sample.labels["northstar_decision"]: sample.value
        for sample in found["northstar_access_decisions"].samples
        if sample.name.endswith("_total")
    }
    assert decisions == {"allowed": 1.0, "denied": 1.0, "unauthenticated": 1.0}


@pytest.mark.parametrize("role", ["reader", "squad-owner", "operator"])
def test_metrics_are_for_those_who_may_read_them(scraped: World, role: RoleName) -> None:
    headers = scraped.headers("somebody", role, Scope("ops"))
    assert scraped.client.get("/metrics", headers=headers).status_code == 403
    assert scraped.client.get("/metrics").status_code == 401


def test_without_prometheus_metrics_say_how_to_have_them(
    recorded: tuple[World, list[Span]],
) -> None:
    world, _ = recorded
    answer = world.client.get("/metrics", headers=world.headers("p", "metrics-reader"))
    assert answer.status_code == 404
    assert "OTEL_METRICS_EXPORTER" in answer.json()["hint"]


def test_the_replica_that_leads_measures_the_platforms_state(scraped: World) -> None:
    reader = scraped.headers("prometheus", "metrics-reader")
    directory = scraped.platform.access.directory
    directory.create("service", "ci", "test", lasts=timedelta(days=20))
    with scraped.client:
        scraped.platform.loops._leading.wait(20)
        found = families(scraped, reader)
    assert found["northstar_leading"].samples[0].value == 1.0
    backlog = {s.labels["northstar_kind"]: s.value for s in found["northstar_backlog"].samples}
    assert backlog == {"events": 0.0}
    (left,) = found["northstar_credential_time_left_seconds"].samples
    assert left.labels["northstar_principal"] == "service:ci"
    assert 19 * 86_400 < left.value <= 20 * 86_400
