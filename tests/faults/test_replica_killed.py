"""Two replicas of the control plane on PostgreSQL; the one that leads is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from northstar.errors import NotFound, Unavailable
from northstar.names import EndpointRef
from northstar.serving.client import EndpointClient
from tests.embedded import wait_until
from tests.projects import write_returns_project
from tests.replicas import Replicas

ENDPOINT = EndpointRef("fashion", "returns", "dev")
ORDERS = [{"price": 40.0, "size": 45, "channel": "app"}]


@pytest.fixture
def replicas(tmp_path: Path, postgres_url: str) -> Iterator[Replicas]:
    replicas = Replicas(tmp_path, postgres_url, _second_database(postgres_url))
    yield replicas
    replicas.stop()


def test_the_other_replica_takes_over_and_the_endpoint_goes_on(
    replicas: Replicas, tmp_path: Path
) -> None:
    replicas.start(2)
    replicas.json("squad", "create", "fashion")
    replicas.json("project", "create", "fashion/returns")
    folder = write_returns_project(tmp_path / "returns")
    assert _release(replicas, folder) == 1

    leader = wait_until(replicas.leader, "a replica to lead", replicas.log)
    replicas.kill(leader)
    client = EndpointClient(replicas.connection)
    assert client.predict(ENDPOINT, ORDERS).version == 1
    wait_until(replicas.leader, "the other replica to lead", replicas.log)

    assert _release(replicas, folder) == 2
    client.close()
    assert replicas.json("audit", "verify")["intact"] is True


def _release(replicas: Replicas, folder: Path) -> int:
    """Train a version, release it into dev, and wait until the endpoint answers with it."""
    version = int(replicas.json("run", "-C", str(folder))["version"])
    replicas.json("release", "propose", str(ENDPOINT), str(version))
    client = EndpointClient(replicas.connection)

    def answered() -> int | None:
        try:
            found = client.predict(ENDPOINT, ORDERS).version
        except (NotFound, Unavailable):  # the release has not got there yet
            return None
        return found if found == version else None

    found = wait_until(answered, f"version {version} to answer", replicas.log)
    client.close()
    return int(found)


def _second_database(url: str) -> str:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    name = f"{make_url(url).database}_mlflow"
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return make_url(url).set(database=name).render_as_string(hide_password=False)
