from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from northstar.clock import FakeClock
from northstar.database import Database
from northstar.platform.lease import Lease, leases


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    leases.create(database.engine)
    yield database
    database.close()


def test_only_one_replica_holds_a_lease(database: Database) -> None:
    clock = FakeClock()
    first, second = (Lease(database, clock, "loops", name) for name in ("a", "b"))
    assert first.hold()
    assert not second.hold()


def test_a_holder_renews_its_own_lease(database: Database) -> None:
    clock = FakeClock()
    lease = Lease(database, clock, "loops", "a", seconds=15)
    for _ in range(5):
        assert lease.hold()
        clock.advance(10)
    assert not Lease(database, clock, "loops", "b").hold()


def test_a_killed_holder_is_succeeded_when_its_lease_ends(database: Database) -> None:
    clock = FakeClock()
    assert Lease(database, clock, "loops", "killed", seconds=15).hold()
    clock.advance(15.1)
    assert Lease(database, clock, "loops", "next").hold()


def test_a_lease_given_back_is_free_at_once(database: Database) -> None:
    clock = FakeClock()
    first, second = (Lease(database, clock, "loops", name) for name in ("a", "b"))
    first.hold()
    second.give_back()
    assert not second.hold()
    first.give_back()
    assert second.hold()
