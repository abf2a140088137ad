"""What telemetry costs an endpoint: none, metrics alone, one request in a hundred traced, and a
collector that takes connections and never answers.

Ratios are over the same endpoint without telemetry: requests a CPU second of all its processes,
and the wall p99. The memory is that of an endpoint which would trace every request, and whose
collector is away. On a machine with other work identical endpoints differ by more than telemetry
costs; so there is also what it adds to a request in the application alone, without HTTP and model.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from joserfc.jwk import ECKey
from numpy.typing import NDArray

from benchmarks.harness import Result, in_turns, main, ratio, resident_mb
from benchmarks.load import LoadGenerator
from benchmarks.serving import Server, oip_body, our_endpoint, train_model
from northstar.flags.domain import rollout_flag
from northstar.registry.domain import Column
from northstar.serving.dataplane.capture import Record
from northstar.serving.dataplane.inputs import Rows
from northstar.serving.dataplane.questions import Columns
from northstar.serving.dataplane.routing import LoadedModel, RoutingTable
from northstar.serving.dataplane.runtimes.interface import Answers, ModelFacts, Predictions
from northstar.serving.dataplane.server import EndpointApp
from northstar.serving.dataplane.tracing import MOST_BETWEEN_REPORTS, Tracer
from northstar.serving.domain import AccessSpec, EndpointSpec, ModelSpec
from northstar.telemetry import trace_context
from northstar.telemetry.sampling import Sampler

_SETTLE_SECONDS = 0.5
_APPLICATION_REQUESTS, _APPLICATION_ROUNDS = 5_000, 15
_OFTEN = {"OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_METRIC_EXPORT_INTERVAL": "1000"}


def measure(quick: bool) -> Result:
    """Start the endpoints, load them in turns, and compare with the one without telemetry."""
    rounds, seconds = (7, 0.4) if quick else (21, 1.0)
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        bodies = [json.dumps(oip_body(row)) for row in train_model(folder)]
        up, down = stack.enter_context(_collector()), stack.enter_context(_silent_collector())
        load = stack.enter_context(LoadGenerator())
        servers = {
            key: stack.enter_context(
                our_endpoint(folder, key, bodies, capture=False, environment=environment)
            )
            for key, environment in _environments(up, down).items()
        }
        for server in servers.values():
            server.settle_seconds = _SETTLE_SECONDS
            server.wait_until_ready()
            server.cpu_us_a_request(load, 0.3)
            server.forget()
        flooded = servers.pop("flooded")
        growth = _growth_mb(flooded, load, 3.0 if quick else 30.0)
        turns = {
            key: partial(server.cpu_us_a_request, load, seconds) for key, server in servers.items()
        }
        cpu = in_turns(turns, rounds)
    result = _compare(servers, cpu, growth)
    return replace(result, figures=result.figures | _added_us(bodies[0].encode()))


def _environments(up: str, down: str) -> dict[str, dict[str, str]]:
    def to(collector: str, share: str) -> dict[str, str]:
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": share,
            **_OFTEN,
        }

    return {
        "off": {},
        "unsampled": to(up, "0"),
        "sampled": to(up, "0.01"),
        "collector_down": to(down, "0.01"),
        "flooded": to(down, "1"),
    }


def _growth_mb(server: Server, load: LoadGenerator, seconds: float) -> float:
    """How much more memory the endpoint's processes have after ``seconds`` of load."""
    before = resident_mb(server.pid)
    server.cpu_us_a_request(load, seconds)
    return resident_mb(server.pid) - before


def _compare(servers: dict[str, Server], cpu: dict[str, list[float]], growth: float) -> Result:
    p99 = {key: [one.p99_ms for one in server.outcomes] for key, server in servers.items()}
    figures: dict[str, float | None] = {}
    for key in ("unsampled", "sampled", "collector_down"):
        figures[f"rps_{key}_vs_off"] = ratio(cpu["off"], cpu[key])
    figures["p99_collector_down_vs_off"] = ratio(p99["collector_down"], p99["off"])
    figures["memory_growth_mb"] = growth
    details = {
        key: {
            "cpu_us_a_request": round(statistics.median(cpu[key]), 1),
            "worker_us_a_request": round(statistics.median(server.worker_us), 1),
            "p50_ms": round(statistics.median(one.p50_ms for one in server.outcomes), 3),
            "p99_ms": round(statistics.median(p99[key]), 3),
        }
        for key, server in servers.items()
    }
    return Result(figures, details)


def _added_us(body: bytes) -> dict[str, float | None]:
    """CPU microseconds that tracing adds to a request in the application alone.

    *Unsampled* is a request that the ratio leaves out, *traced* one that a caller traces.
    """
    callers = (b"traceparent", str(trace_context.new(sampled=True)).encode())
    cases = {
        "none": (Sampler(0.0), []),
        "unsampled": (Sampler(1e-18), []),
        "traced": (Sampler(0.0), [callers]),
    }
    turns = {
        key: partial(_application_us, Tracer(sampler, record=True), body, headers)
        for key, (sampler, headers) in cases.items()
    }
    least = {key: min(found) for key, found in in_turns(turns, _APPLICATION_ROUNDS).items()}
    return {f"added_us_{key}": least[key] - least["none"] for key in ("unsampled", "traced")}


def _application_us(tracer: Tracer, body: bytes, headers: list[tuple[bytes, bytes]]) -> float:
    app = EndpointApp(_NoCapture(), tracer)
    app.use(_table())
    token = (b"authorization", b"Bearer ")
    scope = {
        "path": "/v2/models/model/infer",
        "method": "POST",
        "headers": [(b"host", b"x"), (b"content-type", b"application/json"), token, *headers],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(_: dict[str, Any]) -> None:
        return

    async def ask() -> float:
        started = time.process_time()
        for number in range(_APPLICATION_REQUESTS):
            await app(scope, receive, send)
            if number % MOST_BETWEEN_REPORTS == MOST_BETWEEN_REPORTS - 1:
                tracer.take()
        return (time.process_time() - started) / _APPLICATION_REQUESTS * 1e6

    return asyncio.run(ask())


def _table() -> RoutingTable:
    columns = tuple(Column(name=f"x{i}", type="double") for i in range(30))
    model = ModelSpec(
        version=1, digest=f"sha256:{0:064}", flavor="none", task="regression", columns=columns
    )
    key = ECKey.generate_key("P-256", parameters={"kid": "benchmark"}).as_dict(private=False)
    spec = EndpointSpec(
        endpoint="benchmarks/model/prod",
        revision=1,
        models=(model,),
        flag=rollout_flag("model", {"v1": 100.0}),
        access=AccessSpec(issuer="", audience="", jwks={"keys": [key]}),
    )
    loaded = LoadedModel(model, "v1", _Constant(columns), Columns(columns))
    table = RoutingTable(spec, {1: loaded})
    table.check_token = _admit  # type: ignore[assignment]  # checking costs all cases the same
    return table


class _Constant:
    """A model that costs nothing."""

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self.facts = ModelFacts(task="regression", columns=columns, classes=None)

    def predict_rows(self, rows: Rows) -> Answers:
        return [1.0] * len(rows)

    def predict_table(self, columns: Mapping[str, NDArray[Any]]) -> Predictions:
        return Predictions(np.ones(len(next(iter(columns.values())))))


class _NoCapture:
    def record(self, record: Record, rows: int) -> None:
        """Keep nothing."""


def _admit(_: bytes | None) -> None:
    return


@contextmanager
def _collector() -> Iterator[str]:
    """A collector that takes everything at once."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _silent_collector() -> Iterator[str]:
    """A collector that hangs: the system takes connections for it, and nobody answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


if __name__ == "__main__":
    main("telemetry", measure)
