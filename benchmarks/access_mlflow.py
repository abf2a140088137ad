"""What the door costs a request to MLflow: the same requests through it and without it.

Two servers with the same MLflow, each in one process, asked in turns over real HTTP with what a
training run sends: parameters and metrics, look-ups and searches, an artifact up and down.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.harness import Result, in_turns, main, own_cpu_seconds, ratio
from benchmarks.mlflow_server import SQUAD

_API = "/api/2.0/mlflow"
_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
_ARTIFACT = b"x" * 100_000
# How often each kind of request comes in one share of the mix.
_MIX = {"log": 8, "get": 6, "search": 3, "upload": 1, "download": 2}


def measure(quick: bool) -> Result:
    """``mlflow_overhead``: CPU seconds of the server with the door over those without."""
    rounds, shares = (45, 1) if quick else (175, 1)  # this machine's pace changes within seconds
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = {
            kind: stack.enter_context(_serving(kind, folder / kind)) for kind in ("bare", "door")
        }
        for server in servers.values():
            server.share()  # what is loaded at first use
        found = in_turns({kind: server.cpu_of(shares) for kind, server in servers.items()}, rounds)
        kinds = {
            kind: in_turns({k: s.cpu_of_kind(kind, 10) for k, s in servers.items()}, 45)
            for kind in ([] if quick else _MIX)
        }
    requests = shares * sum(_MIX.values())
    return Result(
        {"mlflow_overhead": ratio(found["door"], found["bare"])},
        {
            "requests_a_round": requests,
            "bare_ms": _milliseconds(found["bare"], requests),
            "door_ms": _milliseconds(found["door"], requests),
            "overhead_by_kind": {
                kind: round(ratio(of["door"], of["bare"]), 3) for kind, of in kinds.items()
            },
        },
    )


class _Server:
    """A running server, one run in it, and the requests of the mix."""

    def __init__(self, pid: int, known: dict[str, str], http: httpx2.Client) -> None:
        self._pid = pid
        self._known = known
        self._http = http
        self._send("POST", "/api/3.0/mlflow/workspaces", "platform", json={"name": SQUAD})
        made = self._send("POST", f"{_API}/experiments/create", json={"name": "benchmark"})
        self._experiment = made.json()["experiment_id"]
        body = {"experiment_id": self._experiment}
        run = self._send("POST", f"{_API}/runs/create", json=body).json()["run"]["info"]
        self._run, self._step = run["run_id"], 0
        self._file = f"{_ARTIFACTS}/{self._experiment}/{self._run}/artifacts/model.bin"
        self._kinds: dict[str, Callable[[], object]] = {
            "log": self._log,
            "get": lambda: self._send("GET", f"{_API}/runs/get", params={"run_id": self._run}),
            "search": lambda: self._send(
                "POST", f"{_API}/runs/search", json={"experiment_ids": [self._experiment]}
            ),
            "upload": lambda: self._send("PUT", self._file, content=_ARTIFACT),
            "download": lambda: self._send("GET", self._file),
        }

    def share(self) -> None:
        """One share of the mix."""
        for kind, times in _MIX.items():
            for _ in range(times):
                self._kinds[kind]()

    def cpu_of(self, shares: int) -> Callable[[], float]:
        return lambda: self._cpu(self.share, shares)

    def cpu_of_kind(self, kind: str, times: int) -> Callable[[], float]:
        return lambda: self._cpu(self._kinds[kind], times)

    def _cpu(self, work: Callable[[], object], times: int) -> float:
        before = own_cpu_seconds(self._pid)
        for _ in range(times):
            work()
        return own_cpu_seconds(self._pid) - before

    def _log(self) -> None:
        self._step += 1
        metric = {"key": "loss", "value": 1 / self._step, "timestamp": 1, "step": self._step}
        body = {"run_id": self._run, "metrics": [metric]}
        self._send("POST", f"{_API}/runs/log-batch", json=body)

    def _send(self, method: str, path: str, who: str = "caller", **options: Any) -> httpx2.Response:
        headers = {"X-MLFLOW-WORKSPACE": SQUAD} if who == "caller" else {}
        if token := self._known[who]:
            headers["Authorization"] = f"Bearer {token}"
        answer = self._http.request(method, self._known["url"] + path, headers=headers, **options)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer


@contextmanager
def _serving(kind: str, folder: Path) -> Iterator[_Server]:
    folder.mkdir()
    command = [sys.executable, "-m", "benchmarks.mlflow_server", kind, str(folder)]
    with (
        (folder / "server.log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
        httpx2.Client(trust_env=False, timeout=60) as http,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, (folder / "server.log").read_text()
            yield _Server(process.pid, json.loads(line), http)
        finally:
            process.terminate()
            process.wait(20)


def _milliseconds(seconds: list[float], requests: int) -> float:
    return round(statistics.median(seconds) / requests * 1000, 3)


if __name__ == "__main__":
    main("access_mlflow", measure)
