"""The migrations make exactly the tables that the stores define, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from northstar.access import store
from northstar.clock import SystemClock
from northstar.database import Database, metadata
from northstar.platform.schema import migrate


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    else:
        database = Database(request.getfixturevalue("postgres_url"))
    yield database
    database.close()


def test_migrations_and_tables_agree(database: Database) -> None:
    migrate(database)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(database: Database) -> None:
    migrate(database)
    migrate(database)


def test_who_made_keys_before_is_known_from_the_audit(database: Database) -> None:
    migrate(database, "0010")
    deeds = [
        ("user:olga", "principal:create", "done", {"principal": "service:ci"}),
        ("user:root", "principal:create", "done", {"principal": "service:old", "credential": "1"}),
        ("user:ben", "principal:trust", "done", {"principal": "service:ci", "credential": "2"}),
        ("user:ben", "principal:trust", "done", {"principal": "service:ci", "credential": "3"}),
        ("user:carl", "principal:secret", "denied", {"principal": "service:ci"}),
        ("service:ci", "principal:secret", "done", {"principal": "service:ci", "credential": "4"}),
        ("user:root", "principal:secret", "done", {"principal": "user:anna", "credential": "5"}),
    ]
    with database.begin() as connection:
        for number, (by, action, outcome, detail) in enumerate(deeds, start=1):
            entry = {
                "sequence": number,
                "at": SystemClock().now(),
                "principal": by,
                "action": action,
                "scope": "/",
                "outcome": outcome,
                "detail": json.dumps(detail),
                "previous": "",
                "digest": "",
            }
            connection.execute(store.audit.insert().values(entry))
    migrate(database)
    with database.read() as connection:
        assert store.key_makers_of(connection, "service:ci") == {"user:ben"}
        assert store.key_makers_of(connection, "service:old") == {"user:root"}
        assert store.key_makers_of(connection, "user:anna") == set()
