"""The background loops: each looks at the world, takes one step towards what is wanted, rests.

A step is level-triggered and idempotent: a loop that is killed between two steps, or whose
step fails, simply looks again. Loops come in groups, which may run on different machines: of each
group, only the replica that holds its lease steps.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from northstar.backoff import pause_seconds
from northstar.clock import Clock
from northstar.errors import PartlyFailed
from northstar.platform.lease import Lease
from northstar.telemetry import trace_context
from northstar.telemetry.interface import Span, Telemetry
from northstar.telemetry.quiet import QuietTelemetry
from northstar.telemetry.trace_context import TraceContext

log = logging.getLogger(__name__)
_WORST_PAUSE_SECONDS = 30.0
_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0)


@dataclass(frozen=True)
class Loop:
    """A named step and how long to rest between two of them."""

    name: str
    step: Callable[[], object]
    pause_seconds: float


@dataclass(frozen=True)
class Group:
    """Loops that one replica at a time runs, all of them."""

    lease: Lease
    loops: Sequence[Loop]
    held: threading.Event = field(default_factory=threading.Event)


@dataclass
class LoopHealth:
    """What is known of one loop; shown by the readiness route."""

    steps: int = 0
    failures_in_a_row: int = 0
    last_error: str = ""
    last_step_at: datetime | None = None
    last_success_at: datetime | None = None
    runs_here_since: datetime | None = None


class Loops:
    """Runs each loop in a thread of its own for as long as this replica holds its group's lease.

    A step that did something, which it says by returning something true, or that failed, has a
    span; what it writes down and logs belongs to that.

    Args:
        groups: with different leases; who holds the first group's is said to lead.
    """

    def __init__(
        self, groups: Sequence[Group], clock: Clock, telemetry: Telemetry | None = None
    ) -> None:
        self._groups = groups
        self._clock = clock
        self._telemetry = telemetry or QuietTelemetry()
        self._duration = self._telemetry.instruments.histogram(
            "northstar.loop.duration", "s", "Duration of background loops' steps.", _SECONDS
        )
        self._failures = self._telemetry.instruments.counter(
            "northstar.loop.failures", "{step}", "Steps of background loops that failed."
        )
        self._stop = threading.Event()
        self._leading = groups[0].held
        self._threads: list[threading.Thread] = []
        self.health: dict[str, LoopHealth] = {
            loop.name: LoopHealth() for group in groups for loop in group.loops
        }

    def start(self) -> None:
        """Start asking for the leases, and stepping where one is held."""
        self._threads = [
            threading.Thread(target=self._keep_leases, name="leases", daemon=True),
            *(
                threading.Thread(target=self._run, args=(group, loop), name=loop.name, daemon=True)
                for group in self._groups
                for loop in group.loops
            ),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Let the running steps end, all of them within the timeout; give the leases back."""
        self._stop.set()
        deadline = time.monotonic() + timeout_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        at_work = {thread.name for thread in self._threads if thread.is_alive()}
        for group in self._groups:
            # Where a step outlives the timeout, the lease runs out instead: two must not step.
            if group.held.is_set() and not at_work & {loop.name for loop in group.loops}:
                group.lease.give_back()

    @property
    def leading(self) -> bool:
        """Whether this replica holds the first group's lease."""
        return self._leading.is_set()

    def _keep_leases(self) -> None:
        while not self._stop.is_set():
            for group in self._groups:
                try:
                    held = group.lease.hold()
                except Exception:  # the database may be away for a moment; the lease then runs out
                    log.exception("a lease could not be renewed")
                    held = False
                if held:
                    self._begin(group)
                    group.held.set()
                else:
                    group.held.clear()
            self._stop.wait(4.0)

    def _begin(self, group: Group) -> None:
        for loop in group.loops if not group.held.is_set() else ():
            self.health[loop.name].runs_here_since = self._clock.now()

    def lags(self) -> dict[str, float]:
        """For each loop that runs here, how many seconds ago a step of it did not fail.

        One that has not done a step here yet is as late as it has been here for.
        """
        now = self._clock.now()
        here = [loop.name for group in self._groups if group.held.is_set() for loop in group.loops]
        lags = {}
        for name in here:
            health = self.health[name]
            known = [one for one in (health.last_success_at, health.runs_here_since) if one]
            lags[name] = (now - max(known, default=now)).total_seconds()
        return lags

    def _run(self, group: Group, loop: Loop) -> None:
        while not self._stop.is_set():
            pause = 0.1
            if group.held.wait(timeout=0.5) and group.lease.lasts():
                try:
                    pause = self._step(loop)
                except Exception:  # to tell of a step failed; the thread outlives that, too
                    log.exception("the loop %s could not be told of", loop.name)
                    pause = loop.pause_seconds
            self._stop.wait(pause)

    def _step(self, loop: Loop) -> float:
        """Take one step and say how long to rest."""
        health, pause = self.health[loop.name], loop.pause_seconds
        context, start_ns = self._telemetry.begin(None), time.time_ns()
        did: object = None
        with trace_context.using(context):
            try:
                did = loop.step()
            except PartlyFailed as error:  # the step has logged what failed
                health.failures_in_a_row += 1
                health.last_error = str(error)
            except Exception as error:  # a loop outlives every failure of its step
                health.failures_in_a_row += 1
                health.last_error = f"{type(error).__name__}: {error}"
                log.exception("the loop %s failed; it will look again", loop.name)
                failures = health.failures_in_a_row
                pause = pause_seconds(failures, 2 * loop.pause_seconds, _WORST_PAUSE_SECONDS)
            else:
                health.failures_in_a_row = 0
                health.last_error = ""
        health.steps += 1
        health.last_step_at = self._clock.now()
        if not health.last_error:
            health.last_success_at = health.last_step_at
        self._tell(loop, context, start_ns, did=bool(did), failed=bool(health.last_error))
        return pause

    def _tell(
        self, loop: Loop, context: TraceContext, start_ns: int, *, did: bool, failed: bool
    ) -> None:
        end_ns, named = time.time_ns(), {"northstar.loop": loop.name}
        self._duration.record((end_ns - start_ns) / 1e9, named)
        if failed:
            self._failures.add(1, named)
        if did or failed:
            error = "the step failed" if failed else ""
            name = f"loop {loop.name}"
            self._telemetry.record(
                Span(name, context, start_ns, end_ns, attributes=named, error=error)
            )
