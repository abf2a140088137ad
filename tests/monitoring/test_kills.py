"""A monitor that is killed at any of its writes goes on as if nothing had happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from northstar.database import Database
from northstar.errors import Failed
from tests.monitoring.bench import PROD, World


class Killed(BaseException):
    """Nothing in the monitor can catch this, as nothing can catch SIGKILL."""


class FragileDatabase(Database):
    """A database whose writer is killed before its ``kill_at``-th commit."""

    kill_at = 0
    writes = 0

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        with super().begin() as connection:
            yield connection
            self.writes += 1
            if self.writes == self.kill_at:
                raise Killed


def story(folder: Path, kill_at: int = 0) -> tuple[Any, ...]:
    """Two weeks, the first drifted and without skill; what is known at the end."""
    folder.mkdir()
    database = FragileDatabase(f"sqlite:///{folder / 'test.db'}")
    database.kill_at = kill_at
    world = World(folder, database)
    retrain = {"drift": "retrain", "performance": "retrain", "quality": "notify"}
    world.register(actions=retrain, webhook="https://chat.example", cooldown_days=0)
    monitor = world.monitor
    labels = world.week(0, shift=2.0, skill=0.1, town=None)
    world.week(1)
    with suppress(Killed):
        monitor.step()
    with suppress(Killed):
        monitor.push_labels(PROD, labels)
        monitor.step()
    monitor = world.restarted()
    monitor.step()
    known = (
        monitor.windows(PROD),
        [f.key for f in monitor.findings(PROD)],
        [(a.kind, a.state, a.title, a.window_start) for a in monitor.alerts(PROD)],
        {(order.reason, order.data_until) for order in world.actions.retrainings.values()},
        sorted(payload["kind"] for _, payload in world.webhooks.sent.values()),
        monitor.status(PROD),
        database.writes,
    )
    database.close()
    return known


def test_killed_at_any_write_it_ends_up_the_same(tmp_path: Path) -> None:
    *expected, writes = story(tmp_path / "whole")
    assert len(expected[3]) == 2
    for kill_at in range(1, writes + 1):
        *known, _ = story(tmp_path / str(kill_at), kill_at)
        assert known == expected, f"killed at write {kill_at} of {writes}"


def test_the_same_story_on_postgres(tmp_path: Path, postgres_url: str) -> None:
    database = Database(postgres_url)
    world = World(tmp_path, database)
    world.register(actions={"performance": "rollback"})
    labels = world.week(0, shift=2.0, skill=0.1, town=None)
    world.monitor.step()
    world.push([*labels, *world.week(1)[:5]])
    world.monitor.step()
    assert set(world.kinds()) == {"drift", "quality", "performance"}
    assert len(world.actions.rollbacks) == 1
    assert world.monitor.status(PROD).labels == len(labels) + 5
    assert {alert.state for alert in world.monitor.alerts(PROD)} == {"open"}
    database.close()


def test_one_endpoint_that_fails_does_not_stop_the_others(world: World) -> None:
    world.week(0)
    other = world.captures / "alpha" / "broken" / "prod" / "predictions"
    other.mkdir(parents=True)
    (other / "2026-01-05").write_text("a file where a folder belongs")
    (other / "2026-01-06").mkdir()
    (other / "2026-01-06" / "loop.arrow").symlink_to("loop.arrow")
    with pytest.raises(Failed, match="alpha/broken/prod"):
        world.monitor.step()
    assert world.monitor.status(PROD).predictions > 0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.register()
    yield world
    world.database.close()
