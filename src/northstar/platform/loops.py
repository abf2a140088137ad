"""The background loops: each looks at the world, takes one step towards what is wanted, rests.

A step is level-triggered and idempotent: a loop that is killed between two steps, or whose
step fails, simply looks again. Only the replica that holds the lease steps.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from northstar.clock import Clock
from northstar.platform.lease import Lease

log = logging.getLogger(__name__)
_WORST_PAUSE_SECONDS = 30.0


@dataclass(frozen=True)
class Loop:
    """A named step and how long to rest between two of them."""

    name: str
    step: Callable[[], object]
    pause_seconds: float


@dataclass
class LoopHealth:
    """What is known of one loop; shown by the readiness route."""

    steps: int = 0
    failures_in_a_row: int = 0
    last_error: str = ""
    last_step_at: datetime | None = None


class Loops:
    """Runs each loop in a thread of its own for as long as this replica holds the lease."""

    def __init__(self, loops: list[Loop], lease: Lease, clock: Clock) -> None:
        self._loops = loops
        self._lease = lease
        self._clock = clock
        self._stop = threading.Event()
        self._leading = threading.Event()
        self._threads: list[threading.Thread] = []
        self.health: dict[str, LoopHealth] = {loop.name: LoopHealth() for loop in loops}

    def start(self) -> None:
        """Start asking for the lease, and stepping once it is held."""
        self._threads = [
            threading.Thread(target=self._keep_lease, name="lease", daemon=True),
            *(
                threading.Thread(target=self._run, args=(loop,), name=loop.name, daemon=True)
                for loop in self._loops
            ),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Let the running steps end, then give the lease back."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout_seconds)
        if self._leading.is_set():
            self._lease.give_back()

    @property
    def leading(self) -> bool:
        """Whether this replica is the one that steps."""
        return self._leading.is_set()

    def _keep_lease(self) -> None:
        while not self._stop.is_set():
            try:
                held = self._lease.hold()
            except Exception:  # the database may be away for a moment; the lease then runs out
                log.exception("the lease could not be renewed")
                held = False
            if held:
                self._leading.set()
            else:
                self._leading.clear()
            self._stop.wait(4.0)

    def _run(self, loop: Loop) -> None:
        health = self.health[loop.name]
        while not self._stop.is_set():
            if not self._leading.wait(timeout=0.5):
                continue
            pause = loop.pause_seconds
            try:
                loop.step()
            except Exception as error:  # a loop outlives every failure of its step
                health.failures_in_a_row += 1
                health.last_error = f"{type(error).__name__}: {error}"
                log.exception("the loop %s failed; it will look again", loop.name)
                pause = min(pause * 2**health.failures_in_a_row, _WORST_PAUSE_SECONDS)
            else:
                health.failures_in_a_row = 0
                health.last_error = ""
            health.steps += 1
            health.last_step_at = self._clock.now()
            self._stop.wait(pause)
