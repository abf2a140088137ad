"""What telemetry costs an endpoint: none, a healthy collector, one that takes connections and never
answers, and one that refuses them. One request in a hundred is traced, as is usual.

Ratios are over the same endpoint without telemetry: requests a CPU second of all its processes,
the wall p50 and p99. Memory and queue are those of an endpoint which would trace every request and
whose collector hangs: what it grew by until its queue was full, what it grew by after that, and how
many spans wait. On a machine with other work identical endpoints differ by more than telemetry
costs; so there is also what it adds to a request in the application alone, without HTTP and model.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2

from benchmarks.harness import Result, in_turns, main, ratio, resident_mb
from benchmarks.load import LoadGenerator
from benchmarks.serving import Server, oip_body, our_endpoint, train_model
from benchmarks.tracing import added_us

_SETTLE_SECONDS = 0.5
_OFTEN = {"OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_METRIC_EXPORT_INTERVAL": "1000"}
_SCRAPED = {"OTEL_METRICS_EXPORTER": "otlp,prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT": "0"}
_USUAL_QUEUE = 2048
_HEARD_SECONDS = 0.8  # longer than between two reports of a worker


def measure(quick: bool) -> Result:
    """Start the endpoints, load them in turns, and compare with the one without telemetry."""
    rounds, seconds = (5, 0.4) if quick else (21, 1.0)
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        bodies = [json.dumps(oip_body(row)) for row in train_model(folder)]
        places = {
            "healthy": stack.enter_context(_collector()),
            "hanging": stack.enter_context(_hanging_collector()),
            "refusing": stack.enter_context(_refusing_collector()),
        }
        load = stack.enter_context(LoadGenerator())
        servers = {
            key: stack.enter_context(
                our_endpoint(folder, key, bodies, capture=False, environment=environment)
            )
            for key, environment in _environments(places).items()
        }
        for server in servers.values():
            server.settle_seconds = _SETTLE_SECONDS
            server.wait_until_ready()
            server.cpu_us_a_request(load, 0.3)
            server.forget()
        memory = _flood(servers["flooded"], load, 2.0 if quick else 30.0)
        compared = {key: server for key, server in servers.items() if key != "flooded"}
        turns = {
            key: partial(server.cpu_us_a_request, load, seconds) for key, server in compared.items()
        }
        cpu = in_turns(turns, rounds)
        for server in servers.values():
            os.kill(server.pid, signal.SIGTERM)  # all at once: each may wait for its collector
    found = _compare(compared, cpu)
    return replace(found, figures=found.figures | memory | added_us(bodies[0].encode()))


def _environments(places: dict[str, str]) -> dict[str, dict[str, str]]:
    def to(place: str, share: str) -> dict[str, str]:
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": places[place],
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": share,
            **_OFTEN,
        }

    return {
        "off": {},
        **{place: to(place, "0.01") for place in places},
        "flooded": to("hanging", "1") | _SCRAPED,
    }


def _flood(server: Server, load: LoadGenerator, seconds: float) -> dict[str, float | None]:
    """Memory of the endpoint's processes and the length of its queue, while no span leaves it."""
    before = resident_mb(server.pid)
    while _waiting(server) < _USUAL_QUEUE:
        server.cpu_us_a_request(load, 1.0)
    full = resident_mb(server.pid)
    server.cpu_us_a_request(load, seconds)
    return {
        "memory_growth_mb": full - before,
        "memory_growth_when_full_mb": resident_mb(server.pid) - full,
        "spans_waiting": _waiting(server),
    }


def _waiting(server: Server) -> float:
    """Requests, which are all traced, less those whose span is lost."""
    time.sleep(_HEARD_SECONDS)
    token = {"Authorization": f"Bearer {server.token}"}
    with httpx2.Client(headers=token) as client:
        text = client.get(server.metrics_url).raise_for_status().text

    def value(name: str) -> float:
        return sum(map(float, re.findall(rf"^{name}_total{{.*}} (\S+)$", text, re.MULTILINE)))

    return value("northstar_endpoint_requests") - value("northstar_endpoint_spans_lost")


def _compare(servers: dict[str, Server], cpu: dict[str, list[float]]) -> Result:
    p50 = {key: [one.p50_ms for one in server.outcomes] for key, server in servers.items()}
    p99 = {key: [one.p99_ms for one in server.outcomes] for key, server in servers.items()}
    figures: dict[str, float | None] = {}
    for key in servers:
        if key != "off":
            figures[f"rps_{key}_vs_off"] = ratio(cpu["off"], cpu[key])
            figures[f"p50_{key}_vs_off"] = ratio(p50[key], p50["off"])
            figures[f"p99_{key}_vs_off"] = ratio(p99[key], p99["off"])
    details = {
        key: {
            "cpu_us_a_request": round(statistics.median(cpu[key]), 1),
            "worker_us_a_request": round(statistics.median(server.worker_us), 1),
            "requests_a_second": round(
                statistics.median(one.answered / one.seconds for one in server.outcomes)
            ),
            "p50_ms": round(statistics.median(p50[key]), 3),
            "p99_ms": round(statistics.median(p99[key]), 3),
        }
        for key, server in servers.items()
    }
    return Result(figures, details)


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
def _hanging_collector() -> Iterator[str]:
    """The system takes connections for it, and nobody answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def _refusing_collector() -> Iterator[str]:
    """A port that is taken, and that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


if __name__ == "__main__":
    main("telemetry", measure)
