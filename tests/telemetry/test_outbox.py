from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from northstar.clock import FakeClock
from northstar.database import Database
from northstar.errors import Unavailable
from northstar.telemetry import outbox, trace_context
from northstar.telemetry.fake import RecordingTelemetry
from northstar.telemetry.outbox import Outbox

SUBJECT = trace_context.new(sampled=True)


class World:
    def __init__(self, url: str) -> None:
        self.database = Database(url)
        outbox.events.create(self.database.engine)
        self.clock = FakeClock()
        self.telemetry = RecordingTelemetry()
        self.outbox = Outbox(self.database, self.telemetry, self.clock)

    def tell(self, state: str = "live") -> None:
        with self.database.begin() as connection:
            self.tell_in(connection, state)

    def tell_in(self, connection: Connection, state: str) -> None:
        outbox.emit_of(
            connection,
            "northstar.release",
            self.clock.now(),
            {"state": state},
            what=f"release {state}",
            subject=str(SUBJECT),
        )


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    url = f"sqlite:///{tmp_path / 'test.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    world = World(url)
    yield world
    world.database.close()


def test_what_is_told_is_delivered_once_with_a_span_in_its_subjects_trace(world: World) -> None:
    world.tell()
    assert (world.outbox.waiting(), world.outbox.step(), world.outbox.step()) == (1, 1, 0)
    (event,), (span,) = world.telemetry.events, world.telemetry.spans
    assert (event.name, event.attributes) == ("northstar.release", {"state": "live"})
    assert event.at == world.clock.now()
    assert (span.name, span.context, span.parent) == ("release live", event.context, SUBJECT)
    assert span.context.trace_id == SUBJECT.trace_id
    assert world.outbox.waiting() == 0


def test_what_happens_in_another_trace_is_linked_to_it(world: World) -> None:
    request = trace_context.new(sampled=False)
    with trace_context.using(request):
        world.tell()
    world.outbox.step()
    assert world.telemetry.spans[0].links == [request]


def test_a_change_that_is_taken_back_is_not_told(world: World) -> None:
    with pytest.raises(KeyError), world.database.begin() as connection:
        world.tell_in(connection, "live")
        raise KeyError
    assert world.outbox.step() == 0


def test_nothing_is_lost_while_the_collector_is_away_and_order_is_kept(world: World) -> None:
    world.telemetry.away = True
    world.tell("approved")
    with pytest.raises(Unavailable):
        world.outbox.step()
    world.tell("live")
    assert world.telemetry.spans == []
    world.telemetry.away = False
    restarted = Outbox(world.database, world.telemetry, world.clock)
    assert restarted.step() == 2
    assert [event.attributes["state"] for event in world.telemetry.events] == ["approved", "live"]


def test_what_nobody_takes_for_days_is_forgotten_and_said(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.telemetry.away = True
    world.tell()
    world.clock.advance(timedelta(days=3).total_seconds())
    assert world.outbox.step() == 0
    assert world.outbox.waiting() == 0
    assert "1 events that nobody took" in caplog.text


def test_an_event_is_another_one_than_those_before_it(world: World) -> None:
    for _ in range(2):  # in an empty table, where numbers begin anew
        world.tell()
        world.outbox.step()
    one, other = world.telemetry.events
    assert one.id != other.id


class Killed(BaseException):
    """The process ends here."""


def test_a_kill_between_delivery_and_its_note_delivers_once_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: object) -> None:
        raise Killed

    world.tell()
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(world.telemetry, "record", killed)
        world.outbox.step()
    restarted = Outbox(world.database, world.telemetry, world.clock)
    assert restarted.step() == 1
    one, again = world.telemetry.events
    assert one.id == again.id
    assert len(world.telemetry.spans) == 1
