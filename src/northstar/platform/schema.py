"""Brings a database's tables to the present version, by migrations only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from northstar.database import Database

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_KEY = 0x6E6F727468  # "north": one replica migrates at a time


def migrate(database: Database, revision: str = "head") -> None:
    """Apply every migration that the database has not seen; safe to call from many replicas."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with database.begin() as connection:
        _wait_for_other_replicas(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@contextmanager
def one_replica_at_a_time(database: Database) -> Iterator[None]:
    """Keep other replicas from what is done meanwhile: MLflow's tables are made without a lock.

    An SQLite database has one process, so there is nobody to keep waiting.
    """
    if database.engine.dialect.name != "postgresql":
        yield
        return
    with database.begin() as connection:
        _wait_for_other_replicas(connection)
        yield


def _wait_for_other_replicas(connection: Connection) -> None:
    """Hold a lock until the transaction ends (SQLite: its write lock is held already)."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
