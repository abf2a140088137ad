from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from northstar.clock import FakeClock, SystemClock
from northstar.database import Database
from northstar.errors import PartlyFailed
from northstar.platform.lease import Lease, leases
from northstar.platform.loops import Group, Loop, Loops
from northstar.telemetry import trace_context
from northstar.telemetry.fake import RecordingTelemetry
from northstar.telemetry.trace_context import TraceContext


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    leases.create(database.engine)
    yield database
    database.close()


def _loops(database: Database, holder: str, loops: list[Loop]) -> Loops:
    clock = SystemClock()
    return Loops([Group(Lease(database, clock, "loops", holder), loops)], clock)


def test_a_loop_outlives_a_failing_step(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    calls = 0
    recovered = threading.Event()

    def step() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OSError("the disk is away")
        recovered.set()

    loops = _loops(database, "a", [Loop("flaky", step, 0.01)])
    with caplog.at_level(logging.CRITICAL):
        loops.start()
        assert recovered.wait(10)
        loops.stop()
    assert loops.health["flaky"].last_error == ""


def test_a_loop_outlives_an_outage_of_thousands_of_steps(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    health, recovered = {}, threading.Event()

    def step() -> None:
        if health["away"].failures_in_a_row < 3_000:
            raise OSError("the collector is away")
        recovered.set()

    loops = _loops(database, "a", [Loop("away", step, 0.0)])
    health = loops.health
    with caplog.at_level(logging.CRITICAL):
        loops.start()
        assert recovered.wait(30)
        loops.stop()


def test_a_loop_outlives_a_telemetry_that_fails(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(RecordingTelemetry):
        def begin(self, parent: TraceContext | None) -> TraceContext:
            if not again.is_set():
                again.set()
                raise OSError("no telemetry")
            return super().begin(parent)

    again, done, clock = threading.Event(), threading.Event(), SystemClock()
    group = Group(Lease(database, clock, "loops", "a"), [Loop("work", done.set, 0.01)])
    loops = Loops([group], clock, Broken())
    with caplog.at_level(logging.CRITICAL):
        loops.start()
        assert done.wait(10)
        loops.stop()


def test_what_failed_for_some_is_told_and_costs_the_others_no_pause(database: Database) -> None:
    steps, done = 0, threading.Event()

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == 20:  # with a pause that doubled they would take hours
            done.set()
        raise PartlyFailed("One of many failed.")

    loops = _loops(database, "a", [Loop("partly", step, 0.01)])
    loops.start()
    assert done.wait(20)
    loops.stop()
    assert loops.health["partly"].last_error == "One of many failed."
    assert loops.health["partly"].last_success_at is None


def test_who_cannot_renew_a_lease_does_not_step_beyond_it(database: Database) -> None:
    clock = FakeClock()
    lease = Lease(database, clock, "loops", "a")
    assert (lease.hold(), lease.lasts()) == (True, True)
    clock.advance(14.9)
    assert lease.lasts()
    clock.advance(0.2)
    assert not lease.lasts()


def test_who_hangs_while_renewing_a_lease_does_not_step_beyond_it(database: Database) -> None:
    class Hanging(Lease):
        asked = 0

        def hold(self) -> bool:
            self.asked += 1
            if self.asked > 1:
                hangs.set()
                go_on.wait(60)
            return super().hold()

    hangs, go_on, steps, clock = threading.Event(), threading.Event(), [0], FakeClock()
    group = Group(
        Hanging(database, clock, "loops", "a"),
        [Loop("work", lambda: steps.__setitem__(0, steps[0] + 1), 0.01)],
    )
    loops = Loops([group], clock)
    loops.start()
    assert hangs.wait(30)
    stepped = steps[0]
    clock.advance(16)
    seen = [steps[0]]
    for _ in range(20):  # a step may have been under way
        go_on.wait(0.05)
        seen.append(steps[0])
    go_on.set()
    loops.stop()
    assert stepped > 0
    assert len(set(seen[1:])) == 1


def test_a_lease_is_not_given_back_while_a_step_goes_on(database: Database) -> None:
    began, released = threading.Event(), threading.Event()

    def step() -> None:
        began.set()
        released.wait(60)

    loops = _loops(database, "a", [Loop("long", step, 0.01)])
    loops.start()
    assert began.wait(10)
    loops.stop(0.2)
    assert not Lease(database, SystemClock(), "loops", "b").hold()
    released.set()


def test_many_loops_that_hang_are_waited_for_no_longer_than_one(database: Database) -> None:
    released, hanging = threading.Event(), threading.Semaphore(0)

    def step() -> None:
        hanging.release()
        released.wait(60)

    loops = _loops(database, "a", [Loop(f"hanging {n}", step, 0.01) for n in range(60)])
    loops.start()
    for _ in range(60):
        assert hanging.acquire(timeout=10)
    stopping = threading.Thread(target=loops.stop, args=(1.0,))
    stopping.start()
    stopping.join(30)  # one after the other they would take a minute
    ended = not stopping.is_alive()
    released.set()
    stopping.join()
    assert ended


def test_a_loop_that_never_ended_a_step_is_as_late_as_it_has_been_there(
    database: Database,
) -> None:
    began, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        began.set()
        go_on.wait(30)

    clock = FakeClock(datetime.now(UTC))
    loops = Loops([Group(Lease(database, clock, "loops", "a"), [Loop("work", hang, 0.01)])], clock)
    loops.start()
    assert began.wait(10)
    clock.advance(700)
    late = loops.lags()["work"]
    go_on.set()
    loops.stop()
    assert late == 700


def test_a_replica_without_the_lease_does_not_step(database: Database) -> None:
    leader_stepped, follower_stepped = threading.Event(), threading.Event()
    leader = _loops(database, "leader", [Loop("work", leader_stepped.set, 0.01)])
    leader.start()
    assert leader_stepped.wait(10)
    follower = _loops(database, "follower", [Loop("work", follower_stepped.set, 0.01)])
    follower.start()
    assert not follower_stepped.wait(1)
    leader.stop()
    assert follower_stepped.wait(10)
    follower.stop()


def test_each_group_is_run_by_who_has_its_lease(database: Database) -> None:
    clock = SystemClock()
    stepped = {name: threading.Event() for name in ("both", "one alone", "the other's")}

    def group(lease: str, holder: str, name: str) -> Group:
        return Group(Lease(database, clock, lease, holder), [Loop(name, stepped[name].set, 0.01)])

    both = Loops([group("loops", "a", "both"), group("jobs", "a", "one alone")], clock)
    both.start()
    assert stepped["both"].wait(10)
    assert stepped["one alone"].wait(10)
    jobs = Loops([group("jobs", "b", "the other's")], clock)
    jobs.start()
    assert not stepped["the other's"].wait(1)
    assert (both.leading, sorted(both.lags()), sorted(jobs.lags())) == (
        True,
        ["both", "one alone"],
        [],
    )
    both.stop()
    assert stepped["the other's"].wait(10)
    jobs.stop()


def test_steps_that_did_something_or_failed_have_spans_and_idle_ones_have_none(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[int | OSError] = [0, 3, OSError("the disk is away"), 0]
    contexts: list[trace_context.TraceContext | None] = []
    ended = threading.Event()

    def step() -> int:
        contexts.append(trace_context.current())
        if not told:
            ended.set()
            return 0
        result = told.pop(0)
        if isinstance(result, OSError):
            raise result
        return result

    telemetry = RecordingTelemetry()
    clock = SystemClock()
    lease = Lease(database, clock, "loops", "a")
    loops = Loops([Group(lease, [Loop("work", step, 0.01)])], clock, telemetry)
    with caplog.at_level(logging.CRITICAL):
        loops.start()
        assert ended.wait(10)
        loops.stop()
    assert [(span.name, span.error) for span in telemetry.spans] == [
        ("loop work", ""),
        ("loop work", "the step failed"),
    ]
    assert [span.context for span in telemetry.spans] == contexts[1:3]
    assert loops.lags()["work"] < 10
