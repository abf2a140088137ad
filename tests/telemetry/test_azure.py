"""What Azure's real exporter sends, held field by field to Application Insights' envelopes."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from northstar import __version__
from northstar.errors import NorthstarError, Unavailable
from northstar.telemetry import trace_context
from northstar.telemetry.interface import Event, Span, Telemetry
from northstar.telemetry.settings import TelemetrySettings
from northstar.telemetry.start import start
from northstar.telemetry.trace_context import TraceContext
from tests.telemetry.receivers import KEY, Envelope, Ingestion, Received

TRACE, PARENT, OWN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "00f067aa0ba902b8"
CALLER = TraceContext(TRACE, PARENT, sampled=True)
CONTEXT = TraceContext(TRACE, OWN, sampled=True)
START_NS = 1_790_000_000_000_000_000
STARTED = "2026-09-21T14:13:20Z"


def sent(ingestion: Ingestion, use: Callable[[Telemetry], None]) -> None:
    """Use telemetry as a control plane does, and end it."""
    settings = TelemetrySettings(azure_monitor=ingestion.connection_string)
    telemetry = start(settings, "northstar-control-plane", "replica-1")
    use(telemetry)
    telemetry.close()


OF_EVERY_ITEM = {
    "ai.application.ver",
    "ai.cloud.role",
    "ai.cloud.roleInstance",
    "ai.device.id",
    "ai.device.locale",
    "ai.device.type",
    "ai.internal.nodeName",
    "ai.internal.sdkVersion",
}


def only(ingestion: Ingestion, kind: str, *tags: str) -> Envelope:
    """The one item of this kind, which has these tags beside those that all have."""
    (envelope,) = ingestion.envelopes(kind)
    assert envelope.key == KEY
    assert set(envelope.tags) == OF_EVERY_ITEM | {f"ai.{tag}" for tag in tags}
    assert envelope.tags["ai.cloud.role"] == "northstar-control-plane"
    assert envelope.tags["ai.cloud.roleInstance"] == "replica-1"
    assert envelope.tags["ai.internal.nodeName"] == "replica-1"
    assert envelope.tags["ai.application.ver"] == __version__
    assert envelope.data["ver"] == 2
    assert envelope.sample_rate is None
    return envelope


def is_now(time: str) -> bool:
    """Whether it is in the form of Application Insights, in UTC, and within the last minute."""
    said = datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return timedelta(0) <= datetime.now(UTC) - said < timedelta(minutes=1)


def test_a_request(ingestion: Ingestion) -> None:
    span = Span(
        "GET /api/squads/{squad}",
        CONTEXT,
        START_NS,
        START_NS + 1_500_000_000,
        kind="server",
        parent=CALLER,
        attributes={
            "http.request.method": "GET",
            "http.route": "/api/squads/{squad}",
            "http.response.status_code": 200,
            "url.path": "/api/squads/ops",
            "url.scheme": "https",
            "server.address": "10.0.0.4",
            "server.port": 8700,
            "enduser.id": "user:ada",
            "northstar.squad": "ops",
        },
    )
    sent(ingestion, lambda telemetry: telemetry.record(span))
    correlated = ("operation.id", "operation.parentId", "operation.name")
    envelope = only(ingestion, "RequestData", *correlated, "user.authUserId")
    assert envelope.name == "Microsoft.ApplicationInsights.Request"
    assert envelope.time == STARTED
    assert envelope.tags["ai.operation.id"] == TRACE
    assert envelope.tags["ai.operation.parentId"] == PARENT
    assert envelope.tags["ai.operation.name"] == "GET /api/squads/{squad}"
    assert envelope.tags["ai.user.authUserId"] == "user:ada"
    data = envelope.data
    assert data["id"] == OWN
    assert data["name"] == "GET /api/squads/{squad}"
    assert data["duration"] == "0.00:00:01.500"
    assert (data["responseCode"], data["success"]) == ("200", True)
    assert data["url"] == "https://10.0.0.4:8700/api/squads/ops"
    assert data["properties"] == {"northstar.squad": "ops"}


def test_a_failed_step_with_links_to_what_led_to_it(ingestion: Ingestion) -> None:
    cause = trace_context.new(sampled=True)
    span = Span(
        "loop monitoring",
        CONTEXT,
        START_NS,
        START_NS + 2_000_000,
        attributes={"northstar.loop": "monitoring"},
        links=(cause,),
        error="Failed: nothing answers",
    )
    sent(ingestion, lambda telemetry: telemetry.record(span))
    envelope = only(ingestion, "RemoteDependencyData", "operation.id", "operation.name")
    assert envelope.name == "Microsoft.ApplicationInsights.RemoteDependency"
    assert envelope.time == STARTED
    assert envelope.tags["ai.operation.id"] == TRACE
    assert envelope.tags["ai.operation.name"] == "loop monitoring"
    data = envelope.data
    assert (data["id"], data["name"]) == (OWN, "loop monitoring")
    assert (data["duration"], data["success"]) == ("0.00:00:00.002", False)
    assert (data["type"], data["resultCode"]) == ("InProc", "0")
    assert set(data["properties"]) == {"northstar.loop", "_MS.links"}
    assert data["properties"]["northstar.loop"] == "monitoring"
    links = json.loads(data["properties"]["_MS.links"])
    assert links == [{"operation_Id": cause.trace_id, "id": cause.span_id}]


def test_a_warning_with_the_trace_in_which_it_was_logged(ingestion: Ingestion) -> None:
    def use(_: Telemetry) -> None:
        logging.getLogger("northstar.release").info("not worth sending")
        with trace_context.using(CONTEXT):
            logging.getLogger("northstar.release").warning("%s waits", "release 4")

    sent(ingestion, use)
    envelope = only(ingestion, "MessageData", "operation.id", "operation.parentId")
    assert envelope.name == "Microsoft.ApplicationInsights.Message"
    assert is_now(envelope.time)
    assert envelope.tags["ai.operation.id"] == TRACE
    assert envelope.tags["ai.operation.parentId"] == OWN
    assert envelope.data["message"] == "release 4 waits"
    assert envelope.data["severityLevel"] == 2
    assert envelope.data["properties"] == {"logger_name": "northstar.release"}


@pytest.mark.parametrize(
    ("error", "told"),
    [(ValueError("income=12345"), "ValueError"), (NorthstarError("v3 is gone"), "NorthstarError")],
)
def test_an_exception_goes_without_what_it_quotes(
    ingestion: Ingestion, error: Exception, told: str
) -> None:
    def use(_: Telemetry) -> None:
        try:
            raise error
        except type(error):
            with trace_context.using(CONTEXT):
                logging.getLogger("northstar.loops").exception("the loop failed")

    sent(ingestion, use)
    envelope = only(ingestion, "ExceptionData", "operation.id", "operation.parentId")
    assert envelope.name == "Microsoft.ApplicationInsights.Exception"
    assert is_now(envelope.time)
    assert envelope.tags["ai.operation.id"] == TRACE
    assert envelope.tags["ai.operation.parentId"] == OWN
    assert envelope.data["severityLevel"] == 3
    assert envelope.data["properties"] == {"logger_name": "northstar.loops"}
    (detail,) = envelope.data["exceptions"]
    assert detail["typeName"].endswith(told)
    assert detail["message"] == "the loop failed"
    assert "raise error" in detail["stack"]
    assert detail["hasFullStack"]
    assert "12345" not in json.dumps(envelope.data)


def test_a_metric(ingestion: Ingestion) -> None:
    def use(telemetry: Telemetry) -> None:
        made = telemetry.instruments
        counter = made.counter("northstar.loop.failures", "{failure}", "Steps that failed.")
        counter.add(2, {"northstar.loop": "release"})
        made.gauge("northstar.alerts", "{alert}", "Alerts.", lambda: [(3, {"kind": "drift"})])
        histogram = made.histogram("northstar.loop.duration", "s", "Steps.", (0.1, 1.0))
        histogram.record(0.5, {})
        histogram.record(1.5, {})

    sent(ingestion, use)
    points = {}
    for envelope in ingestion.envelopes("MetricData"):
        assert envelope.name == "Microsoft.ApplicationInsights.Metric"
        assert envelope.key == KEY
        assert set(envelope.tags) == OF_EVERY_ITEM
        assert envelope.tags["ai.cloud.role"] == "northstar-control-plane"
        assert envelope.tags["ai.cloud.roleInstance"] == "replica-1"
        assert is_now(envelope.time)
        (point,) = envelope.data["metrics"]
        points[point["name"]] = (point, envelope.data["properties"])
    point, properties = points["northstar.loop.failures"]
    assert (point["value"], properties["northstar.loop"]) == (2, "release")
    point, properties = points["northstar.alerts"]
    assert (point["value"], properties["kind"]) == (3, "drift")
    point, _ = points["northstar.loop.duration"]
    assert [point[name] for name in ("value", "count", "min", "max")] == [2.0, 2, 0.5, 1.5]


def event(number: int = 1) -> Event:
    at = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
    return Event(str(number), "northstar.alert", at, CONTEXT, {"kind": "drift", "alert": 12})


def test_an_event(ingestion: Ingestion) -> None:
    sent(ingestion, lambda telemetry: telemetry.deliver([event()]))
    envelope = only(ingestion, "EventData", "operation.id", "operation.parentId")
    assert envelope.name == "Microsoft.ApplicationInsights.Event"
    assert envelope.time == STARTED
    assert envelope.tags["ai.operation.id"] == TRACE
    assert envelope.tags["ai.operation.parentId"] == OWN
    assert envelope.data["name"] == "northstar.alert"
    told = {"kind": "drift", "alert": "12", "logger_name": "northstar"}
    assert envelope.data["properties"] == told


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the exporter's own, after an error
def test_an_event_that_is_not_taken_is_the_callers_again(ingestion: Ingestion) -> None:
    accept = ingestion.answer
    ingestion.answer = lambda _: (400, b"{}")

    def use(telemetry: Telemetry) -> None:
        with pytest.raises(Unavailable, match="azure-monitor"):
            telemetry.deliver([event()])
        ingestion.received.clear()
        ingestion.answer = accept
        telemetry.deliver([event(), event(2)])

    sent(ingestion, use)
    assert len(ingestion.envelopes("EventData")) == 2


def test_requests_say_how_many_they_stand_for_when_traces_are_sampled(
    ingestion: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.25")

    def use(telemetry: Telemetry) -> None:
        contexts = [telemetry.begin(None) for _ in range(400)]
        for context in contexts:
            telemetry.record(Span("GET /", context, START_NS, START_NS + 1, kind="server"))
        assert 60 <= sum(context.sampled for context in contexts) <= 140
        assert telemetry.begin(CALLER).sampled

    sent(ingestion, use)
    requests = ingestion.envelopes("RequestData")
    assert 60 <= len(requests) <= 140
    assert {request.sample_rate for request in requests} == {25.0}


def test_an_identitys_token_is_not_sent_in_the_clear(
    ingestion: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Received] = []

    def identity(received: Received) -> tuple[int, bytes]:
        asked.append(received)
        return 200, b"{}"

    ingestion.answer = identity
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
    settings = TelemetrySettings(
        azure_monitor=ingestion.connection_string, azure_identity=True, azure_client_id="abc"
    )
    telemetry = start(settings, "northstar-control-plane", "replica-1")
    with pytest.raises(Unavailable):
        telemetry.deliver([event()])
    telemetry.close()
    assert asked == []
