"""New segments are found wherever they arrive, without listing everything all the time."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from northstar.monitoring.captures import Captures
from northstar.monitoring.ingestion import Ingestion
from northstar.monitoring.versions import WatchedVersions
from northstar.storage.errors import StoreUnavailable
from northstar.storage.interface import ObjectStore
from northstar.storage.places import SquadStores
from tests.monitoring.bench import PROD, START, World

HALF_PAST_TWELVE = 12.5 * 3600
NEAR = timedelta(minutes=2, seconds=30)
"""The longest pause between two looks at the present hour, and a little."""
WIDE = timedelta(hours=1, minutes=3)


class Counting:
    """A store that counts the listings it would be paid for."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.put, self.delete = store.put, store.delete
        self.listings = 0
        self.away = False

    def read(self, name: str) -> Iterator[bytes]:
        if self.away:
            raise StoreUnavailable("The store did not answer.")
        return self._store.read(name)

    def names(self, prefix: str) -> list[str]:
        self.listings += 1
        return self._store.names(prefix)

    def folders(self, name: str) -> list[str]:
        self.listings += 1
        return self._store.folders(name)


class OneStore(SquadStores):
    """Every squad's captures in one store."""

    def __init__(self, store: Counting) -> None:
        self._store = store

    def of(self, squad: str) -> ObjectStore:
        return self._store


class Far:
    """A monitor whose captures are in a store, and an endpoint whose segments arrive there."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.world.register()
        self.world.clock.advance(HALF_PAST_TWELVE)
        self.store = Counting(SquadStores(f"memory://{uuid.uuid4().hex}").of(""))
        self.restart()

    def restart(self) -> None:
        """Another process takes over, which remembers nothing."""
        captures = Captures(OneStore(self.store), lambda: [PROD])
        versions = WatchedVersions(self.world.versions)
        self.ingestion = Ingestion(self.world.database, captures, versions, self.world.clock)

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    def arrive(self, written: datetime) -> None:
        """A segment of one row, written then, arrives now."""
        name = uuid.uuid4().hex
        data = {
            "size": np.array([0.1]),
            "town": np.array(["ams"]),
            "prediction": np.array([0.5]),
            "time": np.array([START.replace(tzinfo=None)], "datetime64[us]"),
        }
        content = self.world.write([name], data).read_bytes()
        place = f"{PROD}/predictions/{written:%Y-%m-%d}/{written:%H%M%S%f}-{name}.arrow"
        self.store.put(place, content)

    def step(self) -> int:
        return self.ingestion.take_predictions(PROD).segments

    def taken_within(self, time: timedelta, pause_seconds: float = 5.0) -> int:
        """Step every few seconds of a while; how many segments were taken in."""
        taken, until = 0, self.now + time
        while self.now < until:
            self.world.clock.advance(pause_seconds)
            taken += self.step()
        return taken


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    far = Far(tmp_path)
    yield far
    far.world.database.close()


def test_what_is_there_at_the_start_is_taken_in_whatever_its_age(far: Far) -> None:
    for age in (timedelta(), timedelta(hours=5), timedelta(days=300)):
        far.arrive(far.now - age)
    assert far.step() == 3
    far.restart()
    assert far.step() == 0


def test_what_arrives_in_its_hour_is_taken_in_soon(far: Far) -> None:
    far.step()
    far.arrive(far.now)
    assert far.taken_within(NEAR) == 1


def test_what_is_written_before_the_full_hour_and_arrives_after_it_is_taken_in_soon(
    far: Far,
) -> None:
    far.step()
    far.taken_within(timedelta(minutes=33))
    far.arrive(far.now - timedelta(minutes=4))
    assert far.taken_within(NEAR) == 1


@pytest.mark.parametrize(
    ("late", "soon"),
    [
        (timedelta(hours=2), WIDE),
        (timedelta(days=1), WIDE),
        (timedelta(days=6), timedelta(days=1, hours=1, minutes=3)),
    ],
)
def test_what_waited_while_the_store_was_away_is_taken_in_later(
    far: Far, late: timedelta, soon: timedelta
) -> None:
    far.arrive(far.now)
    far.step()
    far.arrive(far.now - late)
    assert far.taken_within(soon, pause_seconds=30.0) == 1


def test_while_nothing_comes_listings_become_rare(far: Far) -> None:
    far.step()
    far.taken_within(timedelta(minutes=10))
    far.store.listings = 0
    far.taken_within(timedelta(days=1), pause_seconds=30.0)
    assert far.store.listings <= 24 * (60 / 2 * 1.2 + 2)


def test_while_something_comes_the_present_hour_is_listed_every_ten_seconds(far: Far) -> None:
    far.arrive(far.now)
    far.step()
    far.store.listings = 0
    for _ in range(60):
        far.arrive(far.now)
        assert far.taken_within(timedelta(seconds=10)) == 1
    assert far.store.listings <= 65


def test_a_look_that_failed_is_taken_again(far: Far) -> None:
    far.arrive(far.now - timedelta(days=2))
    far.store.away = True
    with pytest.raises(StoreUnavailable):
        far.step()
    far.store.away = False
    assert far.step() == 1


def test_a_segment_that_is_renamed_between_listing_and_reading_is_passed_over(far: Far) -> None:
    far.arrive(far.now)
    names = far.store.names

    def gone(prefix: str) -> list[str]:
        found = names(prefix)
        for name in found:
            far.store.delete(name)
        return found

    far.store.names = gone  # type: ignore[method-assign]  # what another process may do in between
    assert far.step() == 0
