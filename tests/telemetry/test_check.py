"""What `northstar telemetry check` says of each exporter, down to the error of whoever refused."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from northstar.cli import root
from northstar.errors import Invalid
from northstar.platform.telemetry import start_telemetry
from tests.telemetry.receivers import KEY, Collector, Ingestion, Received, certify

CONNECTION_STRING = "APPLICATIONINSIGHTS_CONNECTION_STRING"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["telemetry", "check", *arguments])


def checks(found: Result) -> list[dict[str, Any]]:
    return list(json.loads(found.stdout)["checks"])


def test_where_nothing_is_configured_it_says_how_to() -> None:
    told = run()
    assert told.exit_code == 1
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in told.stdout
    assert json.loads(run("--json").stdout) == {
        "configured": False,
        "prometheus": False,
        "checks": [],
    }


def test_what_is_accepted_really_arrived(
    ingestion: Ingestion, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONNECTION_STRING, ingestion.connection_string)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    told = run("--json")
    assert told.exit_code == 0
    assert [(one["exporter"], one["signal"]) for one in checks(told)] == [
        (exporter, signal)
        for exporter in ("otlp", "azure-monitor")
        for signal in ("traces", "metrics", "logs", "events")
    ]
    assert all(one["accepted"] for one in checks(told))
    kinds = {envelope.kind for envelope in ingestion.envelopes()}
    assert kinds == {"RemoteDependencyData", "MetricData", "MessageData", "EventData"}
    collected = collector.collected()
    assert [len(collected.spans), len(collected.metrics), len(collected.logs)] == [1, 1, 2]
    assert KEY not in told.stdout


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the exporter's own, after an error
@pytest.mark.parametrize(
    ("status", "error", "hint"),
    [
        (400, "Invalid instrumentation key", "Copy the connection string"),
        (401, "Unauthorized", "Authorization=AAD"),
        (403, "Forbidden", "Monitoring Metrics Publisher"),
        (206, "Telemetry too old", "observing.md"),
    ],
)
def test_application_insights_own_words_are_told_with_what_to_do(
    ingestion: Ingestion, monkeypatch: pytest.MonkeyPatch, status: int, error: str, hint: str
) -> None:
    monkeypatch.setenv(CONNECTION_STRING, ingestion.connection_string)
    errors = [{"index": 0, "statusCode": status if status != 206 else 400, "message": error}]
    answer = {"itemsReceived": 1, "itemsAccepted": 0, "errors": errors}
    ingestion.answer = lambda _: (status, json.dumps(answer).encode())
    told = run("--json")
    assert told.exit_code == 1
    for one in checks(told):
        assert not one["accepted"]
        assert f"HTTP {status}" in one["problem"]
        assert error in one["problem"]
        assert hint in one["hint"]


@pytest.mark.parametrize(
    ("place", "hint"),
    [
        ("http://127.0.0.1:1", "Nothing listens"),
        ("http://none.invalid", "private DNS zone"),
        ("westeurope", "Copy the connection string whole"),
    ],
)
def test_an_ingestion_that_is_not_there_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, place: str, hint: str
) -> None:
    monkeypatch.setenv(CONNECTION_STRING, f"InstrumentationKey={KEY};IngestionEndpoint={place}/")
    found = checks(run("--json"))
    assert [hint in one["hint"] for one in found] == [True] * 4


def only_traces(monkeypatch: pytest.MonkeyPatch, url: str) -> dict[str, Any]:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{url}/v1/traces")
    told = run("--json")
    assert told.exit_code == 1
    (found,) = checks(told)
    assert not found["accepted"]
    return found


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "OTEL_EXPORTER_OTLP_HEADERS"),
        (403, "OTEL_EXPORTER_OTLP_HEADERS"),
        (404, "base address"),
        (415, "protobuf"),
    ],
)
def test_a_collectors_own_words_are_told(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, status: int, hint: str
) -> None:
    collector.answer = lambda _: (status, b'{"message": "no such tenant"}')
    found = only_traces(monkeypatch, collector.url)
    assert f"HTTP {status}" in found["problem"]
    assert "no such tenant" in found["problem"]
    assert hint in found["hint"]


def test_what_a_collector_takes_and_throws_away_is_not_accepted(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = ExportTraceServiceResponse()
    refused.partial_success.rejected_spans = 1
    refused.partial_success.error_message = "quota"
    collector.content_type = "application/x-protobuf"
    collector.answer = lambda _: (200, refused.SerializeToString())
    assert "quota" in only_traces(monkeypatch, collector.url)["problem"]


def test_no_collector_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "4318" in only_traces(monkeypatch, "http://127.0.0.1:1")["hint"]


@pytest.fixture
def silent() -> Iterator[str]:
    """The system takes connections there, and nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_collector_that_does_not_answer_is_told_for_each_signal(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", silent)
    found = checks(run("--json"))
    assert [one["signal"] for one in found] == ["traces", "metrics", "logs", "events"]
    for one in found:
        assert "timed out" in one["problem"]
        assert "firewall" in one["hint"]


def test_an_ingestion_that_does_not_answer_is_told(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONNECTION_STRING, f"InstrumentationKey={KEY};IngestionEndpoint={silent}")
    for one in checks(run("--json")):
        assert "timed out" in one["problem"]
        assert "firewall" in one["hint"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4318/v1/traces?key=hidden"),
        (CONNECTION_STRING, "hidden"),
    ],
)
def test_settings_that_cannot_be_used_are_named_but_not_quoted(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    refused = CliRunner().invoke(root, ["telemetry", "check"])
    assert isinstance(refused.exception, Invalid)
    assert variable in refused.exception.message
    assert "hidden" not in str(refused.exception)


def test_a_certificate_that_nobody_vouches_for_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Collector(certificate=certify(tmp_path / "collector.pem")) as collector:
        found = only_traces(monkeypatch, collector.url)
    assert "certificate" in found["problem"].lower()
    assert "OTEL_EXPORTER_OTLP_CERTIFICATE" in found["hint"]
    assert collector.received == []


class Identity(BaseHTTPRequestHandler):
    """A managed identity, as Azure gives one to a container."""

    def do_GET(self) -> None:
        until = str(int(time.time()) + 86_400)
        token = {"access_token": "of-the-identity", "expires_on": until, "token_type": "Bearer"}
        content = json.dumps({**token, "resource": "r"}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def test_an_identitys_token_goes_with_what_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certify(tmp_path / "ingestion.pem")
    identity = ThreadingHTTPServer(("127.0.0.1", 0), Identity)
    thread = threading.Thread(target=identity.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{identity.server_port}/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "Authorization=AAD")

    def with_token(received: Received) -> tuple[int, bytes]:
        known = received.headers.get("authorization") == "Bearer of-the-identity"
        counts = {"itemsReceived": 1, "itemsAccepted": int(known), "errors": []}
        return 200 if known else 401, json.dumps(counts).encode()

    with Ingestion(with_token, certificate) as ingestion:
        monkeypatch.setenv(CONNECTION_STRING, ingestion.connection_string)
        told = run("--json")
    identity.shutdown()
    identity.server_close()
    thread.join()
    assert [one["accepted"] for one in checks(told)] == [True] * 4
    assert told.exit_code == 0


def test_prometheus_is_said_to_come_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "prometheus")
    told = run()
    assert told.exit_code == 0
    assert "GET /metrics" in told.stdout


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_TRACES_SAMPLER", "nonsense"),
        ("OTEL_TRACES_SAMPLER_ARG", "7"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "0"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "-1"),
    ],
)
def test_what_a_process_would_not_start_with_is_refused_in_the_same_words(
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    if variable == "OTEL_TRACES_SAMPLER_ARG":
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv(variable, value)
    before = set(threading.enumerate())
    with pytest.raises(Invalid) as started:
        start_telemetry()
    assert not set(threading.enumerate()) - before
    told = run()
    assert isinstance(told.exception, Invalid)  # which ends the command with 2
    assert str(told.exception) == str(started.value)
    assert not collector.received
