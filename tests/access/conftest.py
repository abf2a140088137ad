from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from northstar.access.origin import came_through
from tests.access.mlflow_client import API, Server

SERVER = Path(__file__).with_name("mlflow_server.py")


@pytest.fixture(autouse=True)
def nobody_asks() -> None:
    """A test that calls a service directly leaves its credential in the context of the thread."""
    came_through("")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real MLflow behind the door, in a process of its own, with two squads."""
    folder = tmp_path_factory.mktemp("mlflow")
    with (
        (folder / "server.log").open("w") as log,
        subprocess.Popen(
            [sys.executable, str(SERVER), str(folder)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            started = Server(folder, json.loads(process.stdout.readline()))
            early = started.send("GET", f"{API}/experiments/get")
            assert (early.status_code, early.headers["retry-after"]) == (503, "2")
            deadline = time.monotonic() + 120
            while not (folder / "routes.json").exists():
                assert process.poll() is None, (folder / "server.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.2)
            for squad in ("operations", "pricing"):
                path = "/api/3.0/mlflow/workspaces"
                made = started.send("POST", path, "platform", None, json={"name": squad})
                assert made.status_code == 201, made.text
            yield started
            started.close()
        finally:
            process.terminate()
            process.wait(20)
