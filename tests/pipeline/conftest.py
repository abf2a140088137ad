from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from northstar.connection import Connection, Credentials

SERVER = Path(__file__).with_name("control_plane.py")


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Credentials]:
    """A control plane with MLflow behind its door, squad ``shops`` and project ``late``."""
    folder = tmp_path_factory.mktemp("platform")
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, str(SERVER), str(folder)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as server,
    ):
        assert server.stdout is not None
        try:
            started = server.stdout.readline()
            assert started, (folder / "log").read_text()
            known = json.loads(started)
            yield Credentials(known["url"], token=known["token"])
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture
def connection(platform: Credentials) -> Iterator[Connection]:
    """A data scientist's connection to it."""
    connection = Connection(platform)
    yield connection
    connection.close()
