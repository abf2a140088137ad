"""What an endpoint of real processes tells of its requests, and what it does without listeners."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from northstar.errors import Invalid
from northstar.serving.dataplane.fake import FakeControlPlane
from northstar.serving.dataplane.telemetry import start_telemetry
from northstar.serving.dataplane.tracing import MOST_BETWEEN_REPORTS, Tracer, make_span
from northstar.serving.domain import CaptureSpec
from northstar.telemetry import trace_context
from northstar.telemetry.sampling import Sampler
from northstar.telemetry.trace_context import TraceContext, parse
from tests.serving.control_plane import SmallControlPlane, answering
from tests.serving.endpoints import (
    ENDPOINT,
    RunningEndpoint,
    captured_rows,
    empty_spec,
    eventually,
    model_spec,
    processes,
    spec,
    token,
)
from tests.serving.models import booster_folder
from tests.telemetry.receivers import Collector, Ingestion, Received, attributes

INFER = "/v2/models/late-arrival/infer"


class Bench:
    """An endpoint that is started when its environment is as a test wants it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        model, self.table, _ = booster_folder(folder / "model")
        self.control = FakeControlPlane(empty_spec())
        self.control.spec = spec(1, [model_spec(1, model, self.control.add_model(model))])

    def ask(self, endpoint: RunningEndpoint, trace: TraceContext | None = None) -> httpx2.Response:
        body = {"dataframe_split": {"columns": list(self.table.columns), "data": self.rows(2)}}
        return endpoint.client.post("/invocations", json=body, headers=_headers(trace))

    def rows(self, count: int) -> list[list[Any]]:
        return self.table.rows()[:count]


Start = Callable[[], RunningEndpoint]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def start(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts the endpoint with telemetry as the variables say; no request is traced by itself."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "200")
    running: list[tuple[RunningEndpoint, Any]] = []

    def begin() -> RunningEndpoint:
        telemetry = start_telemetry(ENDPOINT)
        endpoint = RunningEndpoint(bench.folder, bench.control, telemetry=telemetry)
        running.append((endpoint.__enter__().serves(1), telemetry))
        return endpoint

    yield begin
    for endpoint, telemetry in running:
        with closing(telemetry):
            endpoint.stop()


@pytest.fixture
def ingestion(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ingestion]:
    with Ingestion() as receiver:
        monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", receiver.connection_string)
        yield receiver


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        yield receiver


def test_a_traced_request_is_a_span_below_the_callers_and_named_in_the_captures(
    bench: Bench, collector: Collector, start: Start
) -> None:
    endpoint, caller = start(), trace_context.new(sampled=True)
    answer = bench.ask(endpoint, caller)
    assert bench.ask(endpoint).headers.get("traceresponse") is None
    own = parse(answer.headers["traceresponse"])
    assert own is not None
    (span,) = eventually(lambda: collector.collected().spans)
    assert (span.trace_id.hex(), span.span_id.hex()) == (caller.trace_id, own.span_id)
    assert span.parent_span_id.hex() == caller.span_id
    assert span.end_time_unix_nano > span.start_time_unix_nano
    told = attributes(span)
    assert told["http.response.status_code"] == 200
    assert told["northstar.endpoint"] == str(ENDPOINT)
    assert told["northstar.version"] == 1
    assert told["northstar.prediction.rows"] == 2
    ids = answer.json()["prediction_ids"]
    assert [f"{told['northstar.prediction.id']}:{n}" for n in range(2)] == ids
    rows = eventually(lambda: len(found := captured_rows(endpoint.captures)) == 4 and found)
    traced = {row["prediction_id"]: row["traceparent"] for row in rows if row["traceparent"]}
    assert traced == dict.fromkeys(ids, str(own))


def test_what_fails_is_told_of_too_but_not_who_has_no_token(
    bench: Bench, collector: Collector, start: Start
) -> None:
    endpoint, caller = start(), trace_context.new(sampled=True)
    stranger = httpx2.post(f"{endpoint.agent.url}/invocations", headers=_headers(caller))
    assert stranger.status_code == 401
    wrong = endpoint.client.post("/invocations", content=b"{}", headers=_headers(caller))
    assert wrong.status_code == 400
    (span,) = eventually(lambda: collector.collected().spans)
    told = attributes(span)
    assert (told["http.response.status_code"], told["error.type"]) == (400, "invalid")
    assert eventually(lambda: endpoint.agent.status().rejected == 2)
    assert len(collector.collected().spans) == 1


def test_tracing_does_not_depend_on_capture(
    bench: Bench, collector: Collector, start: Start
) -> None:
    off = {"capture": CaptureSpec(enabled=False)}
    bench.control.spec = bench.control.spec.model_copy(update=off)
    bench.ask(start(), trace_context.new(sampled=True))
    assert len(eventually(lambda: collector.collected().spans)) == 1


def test_an_endpoint_that_tells_nobody_still_writes_its_callers_traces_down(
    bench: Bench, start: Start
) -> None:
    endpoint, caller = start(), trace_context.new(sampled=True)
    bench.ask(endpoint, caller)
    row, _ = eventually(lambda: captured_rows(endpoint.captures))
    assert str(row["traceparent"]).split("-")[1] == caller.trace_id


def test_metrics_are_what_the_workers_counted(
    bench: Bench, collector: Collector, start: Start
) -> None:
    endpoint = start()
    for _ in range(3):
        bench.ask(endpoint)

    def counted() -> dict[str, Any] | None:
        metrics = {metric.name: metric for metric in collector.collected().metrics}
        asked = metrics.get("northstar.endpoint.requests")
        return metrics if asked and asked.sum.data_points[0].as_int == 3 else None

    metrics = eventually(counted)
    (point,) = metrics["northstar.endpoint.requests"].sum.data_points
    assert attributes(point)["northstar.endpoint"] == str(ENDPOINT)
    assert attributes(point)["northstar.version"] == 1
    (loaded,) = metrics["northstar.endpoint.loaded"].gauge.data_points
    assert attributes(loaded)["northstar.version"] == 1
    (point,) = metrics["northstar.endpoint.request.duration"].histogram.data_points
    assert point.count == 3
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    assert 0 < point.sum < 30
    assert metrics["northstar.endpoint.revision"].gauge.data_points[0].as_int == 1


def test_counts_go_on_where_a_killed_worker_left_them(bench: Bench, start: Start) -> None:
    endpoint = start()
    headers = {"Authorization": f"Bearer {token()}"}
    dead: set[int] = set()

    def workers() -> set[int]:
        return set(processes("dataplane.worker", str(bench.folder))) - dead

    def counted() -> tuple[int, int]:
        status = endpoint.agent.status()
        return sum(one.requests for one in status.counters), status.rejected

    for times in (1, 2, 3):
        (worker,) = eventually(workers)
        body = {"dataframe_split": {"columns": list(bench.table.columns), "data": bench.rows(2)}}
        url = f"{endpoint.agent.url}/invocations"  # each time by a connection of its own
        assert httpx2.post(url, json=body, headers=headers).status_code == 200
        assert httpx2.post(url, content=b"{}", headers=headers).status_code == 400
        eventually(lambda wanted=(times, times): counted() == wanted)  # type: ignore[misc]  # a default that binds
        os.kill(worker, signal.SIGKILL)
        dead.add(worker)


def test_prometheus_needs_a_token_of_the_endpoint(
    bench: Bench, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "prometheus")
    monkeypatch.setenv("OTEL_EXPORTER_PROMETHEUS_PORT", "0")
    endpoint = start()
    bench.ask(endpoint)
    url = endpoint.agent.status().metrics_url
    assert httpx2.get(url).status_code == 401
    foreign = {"Authorization": f"Bearer {token(audience='northstar')}"}
    assert httpx2.get(url, headers=foreign).status_code == 401
    assert endpoint.client.get(url.removesuffix("metrics")).status_code == 404

    def scraped() -> str | None:
        text = str(endpoint.client.get(url).text)
        return text if "northstar_endpoint_requests_total" in text else None

    text = eventually(scraped)
    assert f'northstar_endpoint="{ENDPOINT}"' in text
    assert "northstar_endpoint_request_duration_seconds_bucket" in text


def test_a_port_that_is_taken_costs_the_metrics_only(
    bench: Bench, start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "prometheus")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1")
        monkeypatch.setenv("OTEL_EXPORTER_PROMETHEUS_PORT", str(taken.getsockname()[1]))
        assert bench.ask(start()).status_code == 200
    assert "OTEL_EXPORTER_PROMETHEUS_PORT" in caplog.text


def test_without_a_collector_predictions_go_on_and_what_is_lost_is_counted(
    bench: Bench, collector: Collector, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5")
    collector.answer = _refuse
    endpoint, asked = start(), 40
    for _ in range(asked):
        assert bench.ask(endpoint, trace_context.new(sampled=True)).status_code == 200
    eventually(lambda: endpoint.agent.status().spans_lost == asked)
    status = endpoint.agent.status()
    assert (status.problem, status.counters[0].requests) == ("", asked)
    assert eventually(lambda: endpoint.agent.status().captured == 2 * asked)


def test_workers_know_nothing_of_collectors_and_their_secrets(
    bench: Bench, collector: Collector, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hidden")
    start()
    (worker,) = processes("dataplane.worker", str(bench.folder))
    assert b"OTEL_" not in Path(f"/proc/{worker}/environ").read_bytes()


def test_azures_exporter_sends_a_request_of_the_endpoint(
    bench: Bench, ingestion: Ingestion, start: Start
) -> None:
    endpoint, caller = start(), trace_context.new(sampled=True)
    good = parse(bench.ask(endpoint, caller).headers["traceresponse"])
    bad = endpoint.client.post("/invocations", content=b"{}", headers=_headers(caller))
    assert good is not None
    assert bad.status_code == 400
    requests = eventually(lambda: len(found := ingestion.envelopes("RequestData")) == 2 and found)
    first, second = sorted(requests, key=lambda envelope: str(envelope.data["responseCode"]))
    for envelope in (first, second):
        assert envelope.name == "Microsoft.ApplicationInsights.Request"
        assert envelope.tags["ai.operation.id"] == caller.trace_id
        assert envelope.tags["ai.operation.parentId"] == caller.span_id
        assert envelope.tags["ai.operation.name"] == "POST /invocations"
        assert envelope.tags["ai.cloud.role"] == f"{ENDPOINT}.northstar-endpoint"
        assert envelope.tags["ai.cloud.roleInstance"] == endpoint.agent.status().instance
        assert envelope.data["name"] == "POST /invocations"
        assert envelope.data["duration"].startswith("0.00:00:0")
        assert envelope.data["properties"]["northstar.endpoint"] == str(ENDPOINT)
    assert first.data["id"] == good.span_id
    assert (first.data["responseCode"], first.data["success"]) == ("200", True)
    assert first.data["properties"]["northstar.version"] == "1"
    assert first.data["properties"]["northstar.prediction.rows"] == "2"
    assert first.data["properties"]["northstar.prediction.id"]
    assert (second.data["responseCode"], second.data["success"]) == ("400", False)
    assert second.data["properties"]["northstar.error"] == "invalid"
    eventually(lambda: "northstar.endpoint.requests" in _metric_names(ingestion))


def test_neither_features_nor_predictions_nor_who_asks_are_told(
    bench: Bench, collector: Collector, ingestion: Ingestion, start: Start
) -> None:
    endpoint, caller = start(), trace_context.new(sampled=True)
    with_headers = _headers(caller) | {"X-Northstar-User": "user-4711", "Cookie": "c=4711"}
    body = {"dataframe_split": {"columns": list(bench.table.columns), "data": bench.rows(2)}}
    answered = endpoint.client.post("/invocations?key=4711", json=body, headers=with_headers)
    endpoint.client.post("/invocations", content=b'{"hidden": 4711}', headers=_headers(caller))
    eventually(lambda: len(ingestion.envelopes("RequestData")) == 2)
    eventually(lambda: len(collector.collected().spans) == 2)
    eventually(lambda: "northstar.endpoint.requests" in _metric_names(ingestion))
    told = b"".join(one.body for one in (*ingestion.received, *collector.received)).decode(
        "latin-1"
    )
    values = {repr(value) for row in bench.rows(2) for value in row if len(repr(value)) > 4}
    predictions = {repr(value) for value in answered.json()["predictions"]}
    sender = endpoint.client.headers["Authorization"].removeprefix("Bearer ")
    assert values
    assert predictions
    for secret in (*values, *predictions, *bench.table.columns, sender, "4711", "user:anna"):
        assert secret not in told, secret


def test_between_two_reports_a_bounded_number_is_kept_and_the_rest_counted() -> None:
    tracer = Tracer(Sampler(1.0), record=True)
    for _ in range(MOST_BETWEEN_REPORTS + 7):
        trace = tracer.begin(None)
        if trace is not None:
            tracer.end(trace, 0.0, INFER, 200)
    assert tracer.dropped == 7
    assert len(tracer.take()) == MOST_BETWEEN_REPORTS
    assert tracer.take() == []
    assert tracer.begin(None) is not None


def test_a_failure_of_ours_is_an_error_one_of_the_callers_is_not() -> None:
    tracer = Tracer(Sampler(1.0), record=True)
    for status, code in ((500, "model_broken"), (400, "invalid")):
        trace = tracer.begin(None)
        assert trace is not None
        tracer.end(trace, 0.0, INFER, status, code)
    ours, callers = (make_span(ENDPOINT, list(told)) for told in tracer.take())
    assert ours is not None
    assert callers is not None
    assert (ours.error, callers.error) == ("model_broken", "")


@pytest.mark.parametrize(
    ("name", "value"),
    [("OTEL_TRACES_SAMPLER", "sometimes"), ("OTEL_EXPORTER_PROMETHEUS_PORT", "many")],
)
def test_variables_that_cannot_be_used_are_named_and_leave_nothing_running(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "prometheus")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    monkeypatch.setenv(name, value)
    before = set(threading.enumerate()), [*logging.getLogger().handlers]
    with pytest.raises(Invalid, match=name):
        start_telemetry(ENDPOINT)
    assert not set(threading.enumerate()) - before[0]
    assert logging.getLogger().handlers == before[1]


def _headers(trace: TraceContext | None) -> dict[str, str]:
    return {"traceparent": str(trace)} if trace else {}


def _refuse(_: Received) -> tuple[int, bytes]:
    return 400, b""


def _metric_names(ingestion: Ingestion) -> set[str]:
    return {one.data["metrics"][0]["name"] for one in ingestion.envelopes("MetricData")}


def test_an_endpoint_answers_whatever_its_variables_of_telemetry_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "sometimes")
    plane = SmallControlPlane(tmp_path)
    try:
        supervisor = plane.supervisor()
        answering(plane, supervisor)
        assert "OTEL_TRACES_SAMPLER is 'sometimes'" in supervisor.log_path(ENDPOINT).read_text()
    finally:
        plane.close()


def test_what_is_sent_does_not_fill_the_endpoints_log(
    tmp_path: Path, ingestion: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")
    plane = SmallControlPlane(tmp_path)
    try:
        supervisor = plane.supervisor()
        answering(plane, supervisor)
        eventually(lambda: "northstar.endpoint.requests" in _metric_names(ingestion))
        log = supervisor.log_path(ENDPOINT).read_text()
        assert "answers at" in log
        assert "x-ms-client-request-id" not in log
    finally:
        plane.close()
