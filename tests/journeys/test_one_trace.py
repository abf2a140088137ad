"""One trace: from a client's prediction through the endpoint to the finding and its alert."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from northstar.clock import SystemClock
from northstar.digest import folder_digest
from northstar.monitoring.captures import Captures
from northstar.monitoring.fake import FakeActions, FakeVersions, FakeWebhooks
from northstar.monitoring.profile import build_reference
from northstar.monitoring.service import MonitoringService
from northstar.registry.fake import example_record
from northstar.serving.client import EndpointClient
from northstar.serving.dataplane.runtimes.mlmodel import read_model_folder
from northstar.storage.places import SquadStores
from northstar.telemetry import trace_context
from northstar.telemetry.outbox import Outbox
from northstar.telemetry.settings import TelemetrySettings
from northstar.telemetry.start import start
from northstar.telemetry.trace_context import parse
from tests.serving.control_plane import SmallControlPlane, answering
from tests.serving.endpoints import ENDPOINT, captured_rows, eventually
from tests.telemetry.receivers import Collector

ROWS_A_REQUEST, REQUESTS = 20, 20


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        yield receiver


@pytest.fixture
def plane(collector: Collector, tmp_path: Path) -> Iterator[SmallControlPlane]:
    plane = SmallControlPlane(tmp_path)
    yield plane
    plane.close()


def monitor_of(plane: SmallControlPlane) -> MonitoringService:
    """A monitor that knows the served version's reference: the sample it was trained on."""
    model = plane.folder / "model"
    versions = FakeVersions()
    versions.add(
        example_record(
            version=1,
            digest=folder_digest(model),
            columns=list(read_model_folder(model).columns or ()),
            profile=build_reference(
                plane.table.columns,
                plane.own,
                plane.table.late.astype(float),
                None,
                "binary",
                "roc_auc",
                7.0,
            ),
            monitoring={"minimum_rows": 50},
        )
    )
    captures = Captures(SquadStores(str(plane.captures)))
    return MonitoringService(
        plane.database, captures, versions, FakeActions(), FakeWebhooks(), SystemClock()
    )


def drifted(plane: SmallControlPlane) -> list[dict[str, Any]]:
    rows = [dict(zip(plane.table.columns, row, strict=True)) for row in plane.table.rows()]
    return [{**row, "temp": row["temp"] + 8.0} for row in rows[:ROWS_A_REQUEST]]


def test_a_prediction_is_followed_from_the_client_to_the_finding_and_its_alert(
    plane: SmallControlPlane, collector: Collector
) -> None:
    answering(plane, plane.supervisor())
    caller = trace_context.new(sampled=True)
    with closing(plane.connection()) as connection, closing(EndpointClient(connection)) as client:
        rows = drifted(plane)
        with trace_context.using(caller):
            followed = client.predict(ENDPOINT, rows, request_id="followed")
        for _ in range(REQUESTS - 1):
            assert client.predict(ENDPOINT, rows).trace == ""

    own = parse(followed.trace)
    assert own is not None
    (request,) = eventually(lambda: collector.collected().spans)
    assert (request.trace_id.hex(), request.span_id.hex()) == (caller.trace_id, own.span_id)
    assert request.parent_span_id.hex() == caller.span_id

    eventually(lambda: len(captured_rows(plane.captures)) == REQUESTS * ROWS_A_REQUEST)
    monitor = monitor_of(plane)
    monitor.step()
    monitor.advance(ENDPOINT, datetime.now(UTC) + timedelta(days=8))
    monitor.step()
    finding = next(one for one in monitor.findings(ENDPOINT) if one.subject == "temp")
    assert finding.kind == "drift"
    assert finding.traces == (followed.trace,)

    (alert,) = monitor.alerts(ENDPOINT, kind="drift")
    assert followed.trace in alert.traces
    telemetry = start(TelemetrySettings.from_environment(), "northstar-control-plane", "monitor")
    Outbox(plane.database, telemetry, SystemClock()).step()
    telemetry.close()
    its = parse(alert.traceparent)
    assert its is not None
    collected = collector.collected()
    (opened,) = [span for span in collected.spans if span.span_id.hex() == its.span_id]
    assert opened.name == "alert opened"
    assert (own.trace_id, own.span_id) in {
        (link.trace_id.hex(), link.span_id.hex()) for link in opened.links
    }
    (event,) = [record for record in collected.logs if record.span_id == opened.span_id]
    assert (event.event_name, event.trace_id) == ("northstar.alert", opened.trace_id)
