"""One-row requests a CPU second: ours, the hand-written minimum, MLflow's scoring server.

A LightGBM regressor of 30 numeric columns and 200 trees; 64 different bodies in rotation; 16
connections. Ours runs with access check, type checks and capture on; its CPU seconds are those of
all its processes, the capture writer's included, until what was captured is on disk. Against the
minimum both get Open Inference Protocol requests, against MLflow both get the same
``dataframe_split`` bodies.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import (
    Result,
    cpu_seconds,
    in_turns,
    main,
    own_cpu_seconds,
    process_tree,
    ratio,
    running,
    until,
)
from benchmarks.load import LoadGenerator, Order, Outcome

_COLUMNS, _TREES, _BODIES, _CONCURRENCY = 30, 200, 64, 16
_SETTLE_SECONDS = 1.1  # longer than the capture's flush interval


@dataclass
class Server:
    """A running server, and what was measured of it."""

    pid: int
    port: int
    path: str
    bodies: list[str]
    settle_seconds: float = 0.2
    token: str = ""
    metrics_url: str = ""
    ready: Path | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    worker_us: list[float] = field(default_factory=list)

    def wait_until_ready(self) -> None:
        """Return when the server answers; our endpoint says where, and with which token."""
        if self.ready is None:
            until(lambda: _listens(self.port), 60, f"the start of {self.path}")
            return
        until(self.ready.exists, 60, "our endpoint's start")
        told = json.loads(self.ready.read_text())
        self.port, self.token = int(told["url"].rpartition(":")[2]), told["token"]
        self.metrics_url = told["metrics_url"]

    def forget(self) -> None:
        """Leave the warm-up out of what was measured."""
        self.outcomes, self.worker_us = [], []

    def cpu_us_a_request(self, load: LoadGenerator, seconds: float) -> float:
        """Load the server for a while; CPU microseconds of all its processes per request."""
        worker = _busiest(self.pid)
        before, worker_before = cpu_seconds(self.pid), own_cpu_seconds(worker)
        order = Order(self.port, self.path, self.bodies, _CONCURRENCY, seconds, self.token)
        outcome = load.carry_out(order)
        time.sleep(self.settle_seconds)
        if outcome.failed or not outcome.answered:
            sys.exit(f"{self.path}: {outcome}")
        self.outcomes.append(outcome)
        self.worker_us.append((own_cpu_seconds(worker) - worker_before) / outcome.answered * 1e6)
        return (cpu_seconds(self.pid) - before) / outcome.answered * 1e6


def measure(quick: bool) -> Result:
    """Start everything, load it in turns, and compare."""
    rounds, seconds = (5, 0.5) if quick else (9, 4.0)
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        rows = train_model(folder)
        oip = [json.dumps(oip_body(row)) for row in rows]
        split = [json.dumps(_split_body(row)) for row in rows]
        load = stack.enter_context(LoadGenerator())
        starting = {
            "ours": our_endpoint(folder, "ours", oip),
            "minimum": _minimum(folder, oip),
            "without_capture": our_endpoint(folder, "plain", oip, capture=False),
        }
        if importlib.util.find_spec("mlflow"):
            starting["mlflow"] = _mlflow(folder, split)
        servers = {key: stack.enter_context(one) for key, one in starting.items()}
        ours = servers["ours"]
        servers["ours_invocations"] = replace(ours, path="/invocations", bodies=split)
        for server in servers.values():
            server.wait_until_ready()
            server.cpu_us_a_request(load, 0.3)
            server.forget()
        turns = {
            key: partial(server.cpu_us_a_request, load, seconds) for key, server in servers.items()
        }
        cpu = in_turns(turns, rounds)
    return _compare(servers, cpu)


def _compare(servers: dict[str, Server], cpu: dict[str, list[float]]) -> Result:
    p99 = {key: [o.p99_ms for o in server.outcomes] for key, server in servers.items()}
    ours, plain = servers["ours"].worker_us, servers["without_capture"].worker_us
    figures = {
        "rps_vs_mlflow": ratio(cpu["mlflow"], cpu["ours_invocations"]) if "mlflow" in cpu else None,
        "rps_vs_floor": ratio(cpu["minimum"], cpu["ours"]),
        "capture_cost": 1 - ratio(plain, ours),
        "capture_cost_with_writer": 1 - ratio(cpu["without_capture"], cpu["ours"]),
        "p99_vs_floor": ratio(p99["ours"], p99["minimum"]),
    }
    details = {
        key: {
            "cpu_us_a_request": round(statistics.median(cpu[key]), 1),
            "worker_us_a_request": round(statistics.median(server.worker_us), 1),
            "requests_a_second": round(
                statistics.median(o.answered / o.seconds for o in server.outcomes)
            ),
            "p50_ms": round(statistics.median(o.p50_ms for o in server.outcomes), 3),
            "p99_ms": round(statistics.median(p99[key]), 3),
        }
        for key, server in servers.items()
    }
    return Result(figures, details)


def train_model(folder: Path) -> list[list[float]]:
    """Save the model for everybody; returns the rows to ask about."""
    import lightgbm
    import mlflow

    rng = np.random.default_rng(7)
    X = rng.normal(size=(5000, _COLUMNS))
    y = X[:, 0] * X[:, 1] + np.sin(X[:, 2]) + X[:, 3:].sum(axis=1) * 0.1
    names = [f"x{i}" for i in range(_COLUMNS)]
    model = lightgbm.LGBMRegressor(n_estimators=_TREES, n_jobs=1, verbose=-1)
    model.fit(X, y, feature_name=names)
    columns = mlflow.types.Schema([mlflow.types.ColSpec("double", name) for name in names])
    signature = mlflow.models.ModelSignature(inputs=columns)
    mlflow.lightgbm.save_model(
        model, folder / "model", signature=signature, pip_requirements=["lightgbm"]
    )
    model.booster_.save_model(folder / "model.txt")
    return [[float(value) for value in row] for row in X[:_BODIES]]


def oip_body(row: list[float]) -> dict[str, Any]:
    """One row as an Open Inference Protocol request."""
    tensor = {"name": "input", "shape": [1, len(row)], "datatype": "FP64", "data": row}
    return {"inputs": [tensor]}


def _split_body(row: list[float]) -> dict[str, Any]:
    return {"dataframe_split": {"columns": [f"x{i}" for i in range(len(row))], "data": [row]}}


@contextmanager
def our_endpoint(
    folder: Path,
    name: str,
    bodies: list[str],
    *,
    capture: bool = True,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Our endpoint in a folder of its own; ``environment`` adds to this process's variables."""
    home = folder / name
    home.mkdir()
    command = [
        sys.executable, "-m", "benchmarks.endpoint", str(folder / "model"), str(home),
        "capture" if capture else "plain",
    ]  # fmt: skip
    with running(command, home / "log", env={**os.environ, **(environment or {})}) as process:
        settle = _SETTLE_SECONDS if capture else 0.2
        path = "/v2/models/model/infer"
        yield Server(process.pid, 0, path, bodies, settle, ready=home / "ready.json")


@contextmanager
def _minimum(folder: Path, bodies: list[str]) -> Iterator[Server]:
    port = _free_port()
    command = [sys.executable, "-m", "benchmarks.minimum", str(folder / "model.txt"), str(port)]
    with running(command, folder / "minimum.log") as process:
        yield Server(process.pid, port, "/", bodies)


@contextmanager
def _mlflow(folder: Path, bodies: list[str]) -> Iterator[Server]:
    port = _free_port()
    command = [
        sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(folder / "model"),
        "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with running(command, folder / "mlflow.log", env=environment) as process:
        yield Server(process.pid, port, "/invocations", bodies)


def _busiest(root: int) -> int:
    """The process of a server's family that answers (has used the most CPU so far)."""
    return max(process_tree(root)[1:] or [root], key=own_cpu_seconds)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main("serving", measure)
