"""Keeps endpoint processes running on this machine.

Every ``step`` compares what shall run with what does, and starts, adopts or ends one process where
they differ. Endpoint processes live in sessions of their own and outlast the control plane; after
its restart they are found again by their state folders and by pid and start time.

A squad's model may run any code where it is loaded. What an endpoint's processes write is therefore
believed only as far as it concerns that endpoint.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Set
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from northstar.backoff import pause_seconds
from northstar.clock import Clock
from northstar.database import Database
from northstar.errors import Failed, PartlyFailed
from northstar.isolation.interface import Isolation, Program
from northstar.names import EndpointRef
from northstar.serving import store
from northstar.serving.dataplane.state import (
    ServingProcess,
    is_running,
    process_start,
    serving_process,
)
from northstar.serving.domain import EndpointStatus
from northstar.serving.service import EndpointService
from northstar.serving.store import ProcessRecord

log = logging.getLogger(__name__)

_STEADY_SECONDS = 30.0
_WORST_PAUSE_SECONDS = 60.0
_NEW_PORT_AFTER_FAILURES = 5
_OF_TELEMETRY = ("OTEL_", "APPLICATIONINSIGHTS_")


class Identity(NamedTuple):
    """With which an endpoint authenticates to the control plane."""

    client_id: str
    client_secret: str


class Supervisor:
    """Runs the embedded platform's endpoints as processes of this machine.

    Args:
        identity: gives an endpoint's credentials, making them if needed; called at every start.
        url: where endpoints reach the control plane.
        isolation: how endpoints are kept apart, each as a user of its own if it has such.
        folder: the endpoints' state folders lie below it.
        captures: where endpoints leave their captures; ``None`` for their state folders.
        workers: processes that answer, for each endpoint.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        service: EndpointService,
        *,
        identity: Callable[[EndpointRef], Identity],
        url: str,
        isolation: Isolation,
        folder: Path,
        captures: Path | None,
        workers: int = 1,
    ) -> None:
        self._database = database
        self._clock = clock
        self._service = service
        self._identity = identity
        self._url = url
        self._isolation = isolation
        self._folder = folder
        self._captures = captures
        self._workers = workers
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._stepping = threading.Lock()
        self._ended = threading.Event()

    def step(self) -> None:
        """Bring every endpoint's process one step nearer to what shall be.

        It does nothing once ``stop_all`` was called. Raises ``PartlyFailed`` with the endpoints of
        which that failed; their reasons are logged.
        """
        with self._stepping:
            self._reap()
            failed = self._look_after(set(self._service.wanted()))
        if failed:
            raise PartlyFailed(f"Not looked after: {', '.join(failed)}; the log has the reasons.")

    def stop_all(self, timeout_seconds: float = 30.0) -> None:
        """End every endpoint's process in order; they drain and flush before they go.

        A step that is under way may end first, for half of the time: what it starts would outlive
        this otherwise.
        """
        deadline = time.monotonic() + timeout_seconds
        self._ended.set()
        alone = self._stepping.acquire(timeout=timeout_seconds / 2)
        try:
            ending = []
            for endpoint in self._service.endpoints():
                if process := self._running(endpoint):
                    _ask_to_end(process)
                    ending.append(process)
            while (self._reap() or any(map(is_running, ending))) and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            if alone:
                self._stepping.release()

    def log_path(self, endpoint: EndpointRef) -> Path:
        """Where an endpoint's processes write their log."""
        return self.state_path(endpoint).with_suffix(".log")

    def state_path(self, endpoint: EndpointRef) -> Path:
        """An endpoint's state folder, which its processes own."""
        return self._folder / endpoint.squad / endpoint.project / endpoint.environment

    def _look_after(self, wanted: Set[EndpointRef]) -> list[str]:
        """Take the step of each endpoint; returns those of which it failed."""
        failed = []
        for endpoint in self._service.endpoints():
            if self._ended.is_set():
                break
            try:
                if endpoint in wanted:
                    self._keep_running(endpoint)
                else:
                    self._keep_stopped(endpoint)
            except Exception:  # one endpoint's trouble must not keep the others waiting
                log.exception("%s could not be looked after; trying again", endpoint)
                failed.append(str(endpoint))
        return failed

    def _keep_running(self, endpoint: EndpointRef) -> None:
        with self._database.read() as connection:
            known = store.process_of(connection, endpoint)
        if running := self._running(endpoint):
            self._remember_running(endpoint, known, running)
            return
        now = self._clock.now()
        if known is None:
            known = ProcessRecord(0, 0, 0, 0, now)
        elif known.pid:
            known = self._after_death(endpoint, known, now)
        if now < known.start_at:
            return
        port = known.port if known.failures < _NEW_PORT_AFTER_FAILURES else 0
        try:
            pid = self._start(endpoint, port)
        except Failed as error:
            self._put_off(endpoint, known, now, error)
            return
        self._put(endpoint, replace(known, pid=pid, started=process_start(pid) or 0, start_at=now))

    def _put_off(
        self, endpoint: EndpointRef, known: ProcessRecord, now: datetime, error: Failed
    ) -> None:
        """It can't be started here; that is said where somebody will look, and tried again."""
        later = now + timedelta(seconds=_WORST_PAUSE_SECONDS)
        self._put(endpoint, replace(known, failures=known.failures + 1, start_at=later))
        if self._service.view(endpoint).answering:
            return  # another machine serves it
        log.error("%s: not started: %s", endpoint, error)
        told = EndpointStatus(
            instance="supervisor", revision=0, url="", started_at=now, problem=str(error)
        )
        self._service.sync(endpoint, told)

    def _after_death(
        self, endpoint: EndpointRef, known: ProcessRecord, now: datetime
    ) -> ProcessRecord:
        steady = now - known.start_at > timedelta(seconds=_STEADY_SECONDS)
        failures = 1 if steady else known.failures + 1
        pause = pause_seconds(failures - 1, 1.0, _WORST_PAUSE_SECONDS)
        dead = replace(
            known, pid=0, started=0, failures=failures, start_at=now + timedelta(seconds=pause)
        )
        self._put(endpoint, dead)
        log.error(
            "%s: process %d ended; the next starts in %.0f s (%s)",
            endpoint, known.pid, pause, self.log_path(endpoint),
        )  # fmt: skip
        return dead

    def _remember_running(
        self, endpoint: EndpointRef, known: ProcessRecord | None, running: ServingProcess
    ) -> None:
        now = self._clock.now()
        if known is None or (known.pid, known.started) != (running.pid, running.started):
            log.info("%s: adopted process %d", endpoint, running.pid)
            known = ProcessRecord(running.pid, running.started, running.port, 0, now)
        elif known.port == running.port:
            return
        self._put(endpoint, replace(known, port=running.port))

    def _keep_stopped(self, endpoint: EndpointRef) -> None:
        if running := self._running(endpoint):
            log.info("%s: ending process %d", endpoint, running.pid)
            _ask_to_end(running)
            return
        with self._database.read() as connection:
            known = store.process_of(connection, endpoint)
        if known is not None:
            self._isolation.end(_user(endpoint))  # what a model may have left running
            with self._database.begin() as connection:
                store.forget_process(connection, endpoint)

    def _running(self, endpoint: EndpointRef) -> ServingProcess | None:
        """The endpoint's live process: the one its folder names, or the one just started."""
        told = serving_process(self.state_path(endpoint))
        if told and self._isolation.runs(_user(endpoint), told.pid):
            return told
        with self._database.read() as connection:
            known = store.process_of(connection, endpoint)
        if known is None or not known.pid:
            return None
        started = ServingProcess(known.pid, known.started, known.port)
        if not is_running(started):
            return None
        if not self._isolation.runs(_user(endpoint), started.pid):
            log.info("%s: process %d is to have a user of its own", endpoint, started.pid)
            os.kill(started.pid, signal.SIGTERM)
            return None
        return started

    def _start(self, endpoint: EndpointRef, port: int) -> int:
        if self._isolation.protection == "refused":
            raise Failed(self._isolation.problem)
        state = self._prepared(endpoint)
        command = [
            sys.executable, "-m", "northstar", "serve", str(endpoint),
            "--port", str(port),
            "--workers", str(self._workers),
            "--state-dir", str(state),
            *(["--captures", str(self._captures)] if self._captures else []),
        ]  # fmt: skip
        log_file = os.open(self.log_path(endpoint), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(log_file, "ab") as output:
            program = Program(command, state, self._environment(endpoint), output, output)
            child = self._isolation.start(_user(endpoint), program)
        self._children[child.pid] = child
        log.info("%s: started process %d", endpoint, child.pid)
        return child.pid

    def _prepared(self, endpoint: EndpointRef) -> Path:
        state = self.state_path(endpoint)
        if not state.is_dir():
            half = state.with_suffix(".part")
            half.mkdir(parents=True, exist_ok=True)
            self._isolation.hand_over(_user(endpoint), half)
            half.rename(state)
        return state

    def _environment(self, endpoint: EndpointRef) -> dict[str, str]:
        identity = self._identity(endpoint)
        telemetry = {n: value for n, value in os.environ.items() if n.startswith(_OF_TELEMETRY)}
        telemetry.pop("OTEL_SERVICE_NAME", None)  # it is the control plane's
        return {
            **telemetry,
            "OTEL_EXPORTER_PROMETHEUS_PORT": "0",  # each endpoint its own
            "NORTHSTAR_URL": self._url,
            "NORTHSTAR_CLIENT_ID": identity.client_id,
            "NORTHSTAR_CLIENT_SECRET": identity.client_secret,
        }

    def _put(self, endpoint: EndpointRef, process: ProcessRecord) -> None:
        with self._database.begin() as connection:
            store.put_process(connection, endpoint, process)

    def _reap(self) -> bool:
        """Take leave of the children that have ended; whether any is left."""
        self._children = {
            pid: child for pid, child in self._children.items() if child.poll() is None
        }
        return bool(self._children)


def _ask_to_end(process: ServingProcess) -> None:
    with suppress(ProcessLookupError):  # it was faster
        os.kill(process.pid, signal.SIGTERM)


def _user(endpoint: EndpointRef) -> str:
    return f"endpoint:{endpoint}"
