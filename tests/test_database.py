from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from northstar.database import (
    Database,
    UtcDateTime,
    WouldWait,
    about_to_wait,
    without_waiting,
)

events = Table(
    "events", MetaData(), Column("id", Integer, primary_key=True), Column("at", UtcDateTime)
)


@pytest.fixture
def database(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    events.metadata.create_all(database.engine)
    yield database
    database.close()


def test_a_moment_comes_back_in_utc(database: Database) -> None:
    there = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    with database.begin() as connection:
        connection.execute(insert(events).values(id=1, at=there))
        read = connection.execute(select(events.c.at)).scalar_one()
    assert read == there
    assert read.tzinfo is UTC


def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 3, 1, 12)  # noqa: DTZ001 - the point of the test
    with pytest.raises(Exception, match="say which zone"), database.begin() as connection:
        connection.execute(insert(events).values(id=1, at=naive))


def test_a_failed_block_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.begin() as connection:
        connection.execute(insert(events).values(id=1))
        raise RuntimeError
    with database.read() as connection:
        assert connection.execute(select(events)).all() == []


def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(insert(events).values(id=1))
        seen: list[int] = []

        def look() -> None:
            with database.read() as other:
                seen.append(len(other.execute(select(events)).all()))

        thread = threading.Thread(target=look)
        thread.start()
        thread.join(5)
        assert seen == [0]


def test_what_must_not_wait_asks_no_database(database: Database) -> None:
    for ask in (database.read, database.begin):
        with pytest.raises(WouldWait), without_waiting(), ask():
            pytest.fail("nothing may be asked here")
    with without_waiting(), pytest.raises(WouldWait):
        about_to_wait()
    with database.begin() as connection:  # afterwards, all is as before
        assert connection.execute(select(events)).all() == []
