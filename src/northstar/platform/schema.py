"""Brings a database's tables to the present version, by migrations only."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from northstar.database import Database

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_KEY = 0x6E6F727468  # "north": one replica migrates at a time


def migrate(database: Database, revision: str = "head") -> None:
    """Apply every migration that the database has not seen; safe to call from many replicas."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with database.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
