"""kill -9 of the control plane while it trains, releases and serves."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import pyarrow.ipc
import pytest

from northstar.connection import Connection
from tests.embedded import Embedded, wait_until
from tests.projects import SLOW_TREE, write_returns_project

ENDPOINT = "fashion/returns/dev"
FLUSH_SECONDS = 1.0


@pytest.fixture(scope="module")
def served(embedded: Embedded) -> Embedded:
    """A project with a first version live in dev."""
    assert embedded.run("squad", "create", "fashion").returncode == 0
    assert embedded.run("project", "create", "fashion/returns").returncode == 0
    folder = write_returns_project(embedded.folder / "returns")
    assert embedded.json("run", "-C", str(folder))["version"] == 1
    embedded.json("release", "propose", ENDPOINT, "1")
    wait_until(lambda: _live_version(embedded) == 1, "version 1 to be live", embedded.log)
    return embedded


def test_the_endpoint_never_stops_answering_and_nothing_is_lost(served: Embedded) -> None:
    caller = Caller(served)
    caller.start()
    write_returns_project(served.folder / "returns", train=SLOW_TREE)
    version = served.json("run", "-C", str(served.folder / "returns"))["version"]
    plan = ["--canary", "10,50", "--min-requests", "20", "--min-seconds", "1"]
    served.json("release", "propose", ENDPOINT, str(version), *plan)
    wait_until(lambda: _release(served, version)["state"] == "rolling-out", "the rollout")
    _start_job(served, version)
    wait_until(lambda: _job_state(served) == "running", "the job to run", served.log)

    served.kill()
    answered = len(caller.acknowledged)
    wait_until(lambda: len(caller.acknowledged) > answered + 100, "answers of it alone", served.log)
    served.start()

    wait_until(lambda: _job_state(served) == "succeeded", "the job to end well", served.log)
    wait_until(lambda: _live_version(served) == version, "the rollout to go on", served.log)
    caller.stop()
    assert caller.failures == []
    assert len(caller.acknowledged) > 100
    versions = served.json("version", "list", "fashion/returns")
    assert [v["version"] for v in versions] == [3, 2, 1]
    expected = {one for one, at in caller.acknowledged if at < caller.ended_at - FLUSH_SECONDS}
    wait_until(lambda: expected <= _captured(served.state), "every answer to be in the captures")


class Caller(threading.Thread):
    """Somebody who asks the endpoint all the time and notes what was answered."""

    def __init__(self, platform: Embedded) -> None:
        super().__init__(daemon=True)
        view = platform.connection.get(
            "/api/squads/fashion/projects/returns/environments/dev/endpoint"
        )
        self._url = f"{view['url']}/v2/models/returns/infer"
        self._token = platform.connection.token(ENDPOINT)
        self._ended = threading.Event()
        self.acknowledged: list[tuple[str, float]] = []
        self.failures: list[str] = []
        self.ended_at = 0.0

    def run(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        with httpx2.Client(headers=headers, trust_env=False, timeout=10) as http:
            number = 0
            while not self._ended.wait(0.01):
                number += 1
                self._ask(http, number)

    def stop(self) -> None:
        self._ended.set()
        self.join()
        self.ended_at = time.monotonic()

    def _ask(self, http: httpx2.Client, number: int) -> None:
        name = f"call-{number}"
        try:
            answer = http.post(self._url, json=_question(name, price=10.0 + number % 90))
        except httpx2.HTTPError as error:
            self.failures.append(f"{name}: {error!r}")
            return
        if answer.status_code == 200:
            self.acknowledged.append((name, time.monotonic()))
        else:
            self.failures.append(f"{name}: {answer.status_code} {answer.text}")


def _question(name: str, price: float) -> dict[str, Any]:
    columns = {"price": ("FP64", price), "size": ("INT64", 45), "channel": ("BYTES", "app")}
    return {
        "id": name,
        "parameters": {"event_time": "2026-05-01T12:00:00Z"},
        "inputs": [
            {"name": column, "shape": [1], "datatype": kind, "data": [value]}
            for column, (kind, value) in columns.items()
        ],
    }


def _get(platform: Embedded, path: str) -> Any:
    connection: Connection = platform.connection
    return connection.get(f"/api/squads/fashion/projects/returns{path}")


def _live_version(platform: Embedded) -> int | None:
    live = [r for r in _get(platform, "/environments/dev/releases") if r["state"] == "live"]
    return live[0]["version"] if live else None


def _release(platform: Embedded, version: int) -> dict[str, Any]:
    releases = _get(platform, "/environments/dev/releases")
    return next(release for release in releases if release["version"] == version)


def _start_job(platform: Embedded, version: int) -> None:
    done = platform.run("job", "start", "fashion/returns", "--version", str(version))
    assert done.returncode == 0, done.stderr


def _job_state(platform: Embedded) -> str:
    job = _get(platform, "/jobs")[0]
    assert job["state"] != "failed", job["message"]
    return str(job["state"])


def _captured(state: Path) -> set[str]:
    found: set[str] = set()
    for segment in (state / "captures").rglob("predictions/*/*.arrow"):
        with pyarrow.ipc.open_file(segment) as reader:
            found.update(reader.read_all()["prediction_id"].to_pylist())
    return found
