"""A platform whose models, captures and MLflow artifacts are in Azure Blob (azurite)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from northstar.errors import NotFound, Unavailable
from northstar.monitoring.client import MonitoringClient
from northstar.names import EndpointRef
from northstar.serving.client import EndpointClient
from tests.azurite.emulator import ACCOUNT, Azurite
from tests.embedded import wait_until
from tests.projects import write_returns_project
from tests.replicas import Replicas
from tests.serving.endpoints import processes

ENDPOINT = EndpointRef("fashion", "returns", "dev")
ORDERS = [{"price": 40.0, "size": 45, "channel": "app"}]


class World:
    """One server, its store, and a client that counts what it asked."""

    def __init__(self, folder: Path) -> None:
        self.blob = Azurite(folder / "azurite")
        store = f"{self.blob.make_container('northstar')}/dev"
        self.blob.make_container("fashion")
        self.server = Replicas(
            folder,
            f"sqlite:///{folder / 'northstar.db'}",
            f"sqlite:///{folder / 'mlflow.db'}",
            NORTHSTAR_STORE=store,
            NORTHSTAR_CAPTURES=f"abfs://{{squad}}@{ACCOUNT}.dfs.core.windows.net",
            **self.blob.environment,
        )
        self.server.start(1)
        self.client = EndpointClient(self.server.connection)
        self.monitoring = MonitoringClient(self.server.connection)
        self.asked = 0

    def ask(self, count: int) -> None:
        for _ in range(count):
            self.client.predict(ENDPOINT, ORDERS)
        self.asked += count

    def answers(self) -> bool:
        try:
            self.client.predict(ENDPOINT, ORDERS)
        except (NotFound, Unavailable):  # the release has not got there yet
            return False
        self.asked += 1
        return True

    def monitored(self) -> int:
        return self.monitoring.status(ENDPOINT).predictions

    def waiting(self) -> int:
        return self.client.show(ENDPOINT).waiting

    def close(self) -> None:
        self.client.close()
        self.server.stop()
        self.blob.stop()


@pytest.fixture(scope="module")
def world(azurite_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A version is released into dev and answers."""
    folder = tmp_path_factory.mktemp("blob")
    world = World(folder)
    try:
        server = world.server
        server.json("squad", "create", "fashion")
        server.json("project", "create", "fashion/returns")
        project = write_returns_project(folder / "returns")
        version = server.json("run", "-C", str(project))["version"]
        server.json("release", "propose", str(ENDPOINT), str(version))
        wait_until(world.answers, "the endpoint to answer", server.log)
        yield world
    finally:
        world.close()


def test_the_model_and_what_the_run_logged_are_in_the_store_and_nowhere_else(
    world: World,
) -> None:
    (version,) = world.server.json("version", "list", "fashion/returns")
    name = version["digest"].removeprefix("sha256:")
    assert world.blob.blobs("northstar", "dev/models/") == [f"dev/models/{name}.tar"]
    logged = world.blob.blobs("northstar", "dev/mlflow-artifacts/workspaces/fashion/")
    assert any(path.endswith("/MLmodel") for path in logged)
    assert not (world.server.state / "mlflow-artifacts").exists()
    assert list((world.server.state / "models").iterdir()) == []


def test_what_was_registered_cannot_be_written_over_in_the_store(world: World) -> None:
    root = "dev/mlflow-artifacts/workspaces/fashion/"
    blob = next(b for b in world.blob.blobs("northstar", root) if b.endswith("/MLmodel"))
    url = f"{world.server.connection.url}/mlflow/api/2.0/mlflow-artifacts/artifacts"
    headers = {
        "Authorization": f"Bearer {world.server.connection.token()}",
        "X-MLFLOW-WORKSPACE": "fashion",
    }
    path = f"{url}/{blob.removeprefix(root)}"
    assert httpx2.get(path, headers=headers, trust_env=False).status_code == 200
    written = httpx2.put(path, headers=headers, content=b"forged", trust_env=False)
    assert written.status_code == 403
    assert "stays as it is" in written.text


def test_every_prediction_reaches_its_window_though_the_writer_is_killed_and_the_store_away(
    world: World,
) -> None:
    world.ask(20)
    wait_until(lambda: world.blob.blobs("fashion"), "captures in the store", world.server.log)
    (writer,) = processes("dataplane.capture_writer", str(world.server.state))
    os.kill(writer, signal.SIGKILL)
    world.ask(20)
    world.blob.stop()
    world.ask(20)
    wait_until(world.waiting, "captures to wait", world.server.log)
    world.blob.start()
    wait_until(
        lambda: world.monitored() >= world.asked, "the monitor to see them all", world.server.log
    )
    assert world.monitored() == world.asked
    assert sum(window.rows for window in world.monitoring.windows(ENDPOINT)) == world.asked
    assert all(name.startswith("fashion/returns/dev/") for name in world.blob.blobs("fashion"))
    assert world.waiting() == 0
    assert world.client.show(ENDPOINT).dropped == 0


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"NORTHSTAR_STORE": f"abfs://nowhere@{ACCOUNT}.dfs.core.windows.net"}, "no container"),
        ({"NORTHSTAR_STORE": "ftp://somewhere"}, "not a kind of store"),
        ({"AZURE_STORAGE_CONNECTION_STRING": "AccountKey=x"}, "names no BlobEndpoint"),
    ],
)
def test_a_server_refuses_a_store_that_it_cannot_use_and_says_why(
    world: World, tmp_path: Path, variables: dict[str, str], said: str
) -> None:
    settings = {
        "NORTHSTAR_STATE": str(tmp_path / "state"),
        "NORTHSTAR_PUBLIC_URL": "http://127.0.0.1:1",
        "NORTHSTAR_DATABASE_URL": f"sqlite:///{tmp_path / 'northstar.db'}",
        "NORTHSTAR_MLFLOW_DATABASE_URL": f"sqlite:///{tmp_path / 'mlflow.db'}",
        "NORTHSTAR_STORE": f"abfs://northstar@{ACCOUNT}.dfs.core.windows.net/dev",
        **world.blob.environment,
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-m", "northstar", "server", "--port", "0"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
