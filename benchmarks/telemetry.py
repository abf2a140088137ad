"""What telemetry costs an endpoint: none, metrics alone, one request in a hundred traced, and a
collector that takes connections and never answers.

Ratios are over the same endpoint without telemetry: requests a CPU second of all its processes,
and the wall p99. The memory is that of an endpoint which would trace every request, and whose
collector is away.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.harness import Result, in_turns, main, ratio, resident_mb
from benchmarks.load import LoadGenerator
from benchmarks.serving import Server, oip_body, our_endpoint, train_model

_SETTLE_SECONDS = 0.5
_OFTEN = {"OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_METRIC_EXPORT_INTERVAL": "1000"}


def measure(quick: bool) -> Result:
    """Start the endpoints, load them in turns, and compare with the one without telemetry."""
    rounds, seconds = (5, 0.8) if quick else (15, 2.0)
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
    return _compare(servers, cpu, growth)


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
