from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from tests.azurite import emulator
from tests.azurite.emulator import Azurite
from tests.embedded import Embedded

# The same examples every time, so that a commit is green or not whoever looks. To look for new
# ones: HYPOTHESIS_PROFILE=explore make test
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A running embedded platform of the test module's own."""
    platform = Embedded(tmp_path_factory.mktemp("embedded"))
    try:
        platform.start()
        yield platform
    finally:
        platform.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A real PostgreSQL server; gives the address of its first database.

    Run by root, it becomes another user, and must not live below a folder that the next pytest on
    this machine closes to others at its start.
    """
    reason = "PostgreSQL was not tested: pgserver has no wheel for this Python"
    pgserver = pytest.importorskip("pgserver", reason=reason)
    with tempfile.TemporaryDirectory(prefix="northstar-") as folder:
        server = pgserver.get_server(Path(folder) / "postgres", cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str, request: pytest.FixtureRequest) -> str:
    """A fresh PostgreSQL database of the test's own."""
    name = f"test_{abs(hash(request.node.nodeid))}"
    home = make_url(postgres_server).set(drivername="postgresql+psycopg")
    engine = create_engine(home, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return home.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def azurite_installed() -> None:
    """Azurite is there; installing it from npm takes half a minute, once."""
    if reason := emulator.missing():
        pytest.skip(f"Azure Blob was not tested: {reason}.")
    emulator.install()


@pytest.fixture(scope="session")
def azurite(azurite_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """A running emulator of Azure Blob; tests take a container of their own."""
    server = Azurite(tmp_path_factory.mktemp("azurite"))
    yield server
    server.stop()
