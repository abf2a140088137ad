"""What telemetry is sent to, on loopback: Application Insights' ingestion and an OTLP collector."""

from __future__ import annotations

import contextlib
import gzip
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

KEY = "11111111-2222-4333-8444-555555555555"


@dataclass
class Received:
    """One request: its path, its headers with names in lower case, its body."""

    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Received], tuple[int, bytes]]


class Receiver:
    """An HTTP server that keeps what it is sent and answers as ``answer`` says.

    Args:
        certificate: makes it speak TLS; see ``certify``.
    """

    def __init__(self, answer: Answer, certificate: Path | None = None) -> None:
        self.received: list[Received] = []
        self.content_type = "application/json"
        self.answer = answer
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                received = Received(self.path, headers, body)
                receiver.received.append(received)
                status, content = receiver.answer(received)
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.send_header("content-type", receiver.content_type)
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # who asked may be gone by now
                    self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        scheme = "http"
        if certificate:
            context, scheme = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "https"
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass
class Envelope:
    """One item of Application Insights."""

    name: str
    time: str
    key: str
    tags: dict[str, str]
    kind: str
    data: dict[str, Any]
    sample_rate: float | None = None


class Ingestion(Receiver):
    """Application Insights' ingestion endpoint; accepts everything unless told otherwise."""

    def __init__(self, answer: Answer | None = None, certificate: Path | None = None) -> None:
        super().__init__(answer or _accept_all, certificate)

    @property
    def connection_string(self) -> str:
        return f"InstrumentationKey={KEY};IngestionEndpoint={self.url}/"

    def envelopes(self, kind: str = "") -> list[Envelope]:
        """What arrived, by the type of its data, such as ``RequestData``."""
        found = []
        for received in self.received:
            assert received.path.startswith("/v2.1/track")
            for item in json.loads(received.body):
                data = item["data"]
                if not kind or data["baseType"] == kind:
                    found.append(
                        Envelope(
                            item["name"],
                            item["time"],
                            item["iKey"],
                            item["tags"],
                            data["baseType"],
                            data["baseData"],
                            item.get("sampleRate"),
                        )
                    )
        return found


@dataclass
class Collected:
    """What an OTLP collector was sent, decoded."""

    spans: list[Any] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)


class Collector(Receiver):
    """An OTLP collector over HTTP with protobuf."""

    def __init__(self, answer: Answer | None = None, certificate: Path | None = None) -> None:
        super().__init__(answer or (lambda _: (200, b"")), certificate)

    def collected(self) -> Collected:
        """Everything that arrived, from its protobuf."""
        found = Collected()
        for received in self.received:
            assert received.headers["content-type"] == "application/x-protobuf"
            body = received.body
            if received.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            _DECODE[received.path](body, found)
        return found


def certify(file: Path) -> Path:
    """Write a certificate of 127.0.0.1 that vouches for itself, and its key, into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, *private)
    )
    return file


def attributes(item: Any) -> dict[str, Any]:
    """The attributes of a decoded span, point, record or resource."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in item.attributes}


def _accept_all(received: Received) -> tuple[int, bytes]:
    count = len(json.loads(received.body))
    told: dict[str, Any] = {
        "itemsReceived": count,
        "itemsAccepted": count,
        "appId": None,
        "errors": [],
    }
    return 200, json.dumps(told).encode()


def _traces(body: bytes, found: Collected) -> None:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        found.resources.append(attributes(resource.resource))
        found.spans += [span for scope in resource.scope_spans for span in scope.spans]


def _metrics(body: bytes, found: Collected) -> None:
    for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        found.resources.append(attributes(resource.resource))
        found.metrics += [metric for scope in resource.scope_metrics for metric in scope.metrics]


def _logs(body: bytes, found: Collected) -> None:
    for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
        found.resources.append(attributes(resource.resource))
        found.logs += [record for scope in resource.scope_logs for record in scope.log_records]


_DECODE: dict[str, Callable[[bytes, Collected], None]] = {
    "/v1/traces": _traces,
    "/v1/metrics": _metrics,
    "/v1/logs": _logs,
}
