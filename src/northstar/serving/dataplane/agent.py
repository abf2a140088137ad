"""The agent: an endpoint's main process. It keeps the spec current and the workers alive.

It never touches a request. It holds the listening socket, so that connections wait in the kernel
while a worker is replaced, and it is the only one of the endpoint's processes that speaks with the
control plane.
"""

from __future__ import annotations

import json
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from northstar.backoff import pause_seconds
from northstar.connection.credentials import WITHHELD
from northstar.errors import Unavailable
from northstar.names import EndpointRef
from northstar.serving.dataplane.address import public_address
from northstar.serving.dataplane.shipping_process import ShippingProcess
from northstar.serving.dataplane.spec import ControlPlane, SpecSync
from northstar.serving.dataplane.spool import SEGMENT, endpoint_folder
from northstar.serving.dataplane.state import ServingProcess, StateFolder, process_start
from northstar.serving.dataplane.telemetry import EndpointTelemetry, unobserved
from northstar.serving.domain import AccessSpec, EndpointStatus, VersionCounters, add_counters

log = logging.getLogger(__name__)

SYNC_SECONDS = 2.0
_BIND_SECONDS = 20.0
_STOP_SECONDS = 45.0
_TICK_SECONDS = 0.2
_WORST_RESTART_SECONDS = 10.0
_STEADY_SECONDS = 30.0
_OF_TELEMETRY = ("OTEL_", "APPLICATIONINSIGHTS_")


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    control: socket.socket
    started: float
    received: bytearray = field(default_factory=bytearray)
    report: dict[str, Any] = field(default_factory=dict)


@dataclass
class _Slot:
    """The place of one worker, whichever process fills it."""

    worker: _Worker | None = None
    failures: int = 0
    start_at: float = 0.0


@dataclass(frozen=True)
class _Counted:
    """What workers have counted, together; however many there were."""

    counters: tuple[VersionCounters, ...] = ()
    rejected: int = 0
    captured: int = 0
    dropped: int = 0
    spans_lost: int = 0

    def plus(self, report: Mapping[str, Any]) -> _Counted:
        own = [VersionCounters.model_validate(one) for one in report["counters"]]
        return _Counted(
            add_counters([self.counters, own]),
            self.rejected + report["rejected"],
            self.captured + report["captured"],
            self.dropped + report["dropped"],
            self.spans_lost + report["spans_lost"],
        )


class Agent:
    """Runs one endpoint until it is told to stop.

    Args:
        endpoint: whose requests to answer.
        state: its state folder; the caller holds its lock.
        captures: the folder that capture segments are written to.
        ship_to: the store that they are brought to from there; empty if they stay.
        control: the way to the control plane.
        host: the address to listen on.
        public_url: what callers are told to ask; empty if it is where the endpoint listens.
        port: 0 lets the system choose.
        workers: how many processes answer.
        sync_seconds: how often to report and ask for news.
        environment: more variables for the workers.
        telemetry: takes what the endpoint tells of itself; the caller closes it.
    """

    def __init__(
        self,
        endpoint: EndpointRef,
        state: StateFolder,
        captures: Path,
        control: ControlPlane,
        *,
        ship_to: str = "",
        host: str = "127.0.0.1",
        public_url: str = "",
        port: int = 0,
        workers: int = 1,
        sync_seconds: float = SYNC_SECONDS,
        environment: Mapping[str, str] | None = None,
        telemetry: EndpointTelemetry | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._state = state
        self._captures = captures
        self._sync_seconds = sync_seconds
        self._environment = dict(environment or {})
        self._telemetry = telemetry or unobserved(endpoint)
        # The shipper asks Azure for itself, not through what the workers are given.
        self._shipping = ShippingProcess(captures, ship_to, _inherited()) if ship_to else None
        self._slots = [_Slot() for _ in range(workers)]
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._started_at = datetime.now(UTC)
        self._retired = _Counted()
        self._selector = selectors.DefaultSelector()
        self._listening = _listen(host, port)
        self.url = public_address(public_url, host, self._listening.getsockname()[1])
        self._sync = SpecSync(control, state, self.status, self._announce)

    def run(self) -> None:
        """Serve until ``stop``; returns when every worker has drained and flushed."""
        port = self._listening.getsockname()[1]
        self._state.write_process(
            ServingProcess(os.getpid(), process_start(os.getpid()) or 0, port)
        )
        log.info("%s answers at %s", self._endpoint, self.url)
        self._telemetry.watch(self.status, self._access)
        keeping_up = threading.Thread(target=self._keep_up, name="sync", daemon=True)
        keeping_up.start()
        while not self._stop.is_set():
            self._start_missing()
            if self._shipping:
                self._shipping.keep_running()
            self._hear(_TICK_SECONDS)
        self._end_workers()
        if self._shipping:
            self._shipping.end()
        keeping_up.join(self._sync_seconds)
        self._listening.close()

    def stop(self) -> None:
        """Drain and end; safe to call from a signal handler."""
        self._stop.set()

    def status(self) -> EndpointStatus:
        """The report of all workers together; the oldest revision among them is the endpoint's."""
        with self._lock:
            live = [dict(slot.worker.report) for slot in self._slots if slot.worker]
            counted = self._retired
        reports = [report for report in live if report]
        for report in reports:
            counted = counted.plus(report)
        complete = len(reports) == len(self._slots)
        problems = [report["problem"] for report in reports if report["problem"]]
        return EndpointStatus(
            instance=self._telemetry.instance,
            revision=min((r["revision"] for r in reports), default=0) if complete else 0,
            url=self.url,
            started_at=self._started_at,
            counters=counted.counters,
            rejected=counted.rejected,
            captured=counted.captured,
            dropped=counted.dropped,
            waiting=self._to_ship(),
            spans_lost=self._telemetry.lost_spans() + counted.spans_lost,
            versions=tuple(sorted(set.intersection(*(set(r["versions"]) for r in reports))))
            if reports
            else (),
            metrics_url=self._telemetry.metrics_url,
            problem=self._sync.problem or (problems[0] if problems else ""),
        )

    def _access(self) -> AccessSpec | None:
        spec = self._sync.spec
        return spec.access if spec else None

    def _to_ship(self) -> int:
        """How many segments wait to be shipped, by our shipper or by whoever started us."""
        spec = self._sync.spec
        if not self._shipping and (spec is None or spec.capture.disk_mb is None):
            return 0
        own = endpoint_folder(self._captures, self._endpoint)
        # os.walk minds no day that is removed meanwhile, as a shipper does
        return sum(name.endswith(SEGMENT) for _, _, names in os.walk(own) for name in names)

    def _keep_up(self) -> None:
        while not self._stop.is_set():
            try:
                self._sync.step()
            except Exception:  # serving goes on whatever happens here
                log.exception("keeping up with the control plane failed; trying again")
            self._stop.wait(self._sync_seconds)

    def _announce(self, revision: int) -> None:
        with self._lock:
            workers = [slot.worker for slot in self._slots if slot.worker]
        for worker in workers:
            try:
                worker.control.sendall(json.dumps({"load": revision}).encode() + b"\n")
            except OSError:
                log.warning("worker %d is gone; its successor will load it", worker.process.pid)

    def _start_missing(self) -> None:
        for slot in self._slots:
            if slot.worker is None and time.monotonic() >= slot.start_at:
                worker = self._start_worker()
                with self._lock:
                    slot.worker = worker
                self._selector.register(worker.control, selectors.EVENT_READ, slot)

    def _start_worker(self) -> _Worker:
        ours, theirs = socket.socketpair()
        command = [
            sys.executable, "-m", "northstar.serving.dataplane.worker",
            "--state", str(self._state.path),
            "--captures", str(self._captures),
            "--control-fd", str(theirs.fileno()),
            "--listen-fd", str(self._listening.fileno()),
            *self._telemetry.worker_arguments(),
        ]  # fmt: skip
        with theirs:
            # A session of its own: Ctrl-C reaches the agent alone, which ends the workers in order.
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), self._listening.fileno()),
                env={**_inherited(), **self._environment},
                start_new_session=True,
            )
        return _Worker(process, ours, time.monotonic())

    def _hear(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            slot: _Slot = key.data
            worker = slot.worker
            if worker is None:
                continue
            try:
                content = worker.control.recv(65536)
            except OSError:
                content = b""
            if content:
                self._read_report(worker, content)
            else:
                self._replace(slot, worker)

    def _read_report(self, worker: _Worker, content: bytes) -> None:
        worker.received += content
        lines = bytes(worker.received).split(b"\n")
        worker.received[:] = lines[-1]
        for line in lines[:-1]:
            report = json.loads(line)
            self._telemetry.tell(report.pop("traced"))
            with self._lock:
                worker.report = report

    def _replace(self, slot: _Slot, worker: _Worker) -> None:
        """A worker has ended: keep what it counted, and let another one take its place."""
        self._selector.unregister(worker.control)
        worker.control.close()
        worker.process.kill()
        code = worker.process.wait()
        steady = time.monotonic() - worker.started > _STEADY_SECONDS
        slot.failures = 0 if steady else slot.failures + 1
        pause = pause_seconds(slot.failures, 0.2, _WORST_RESTART_SECONDS)
        slot.start_at = time.monotonic() + pause
        with self._lock:
            slot.worker = None
            if worker.report:
                self._retired = self._retired.plus(worker.report)
        if not self._stop.is_set():
            log.error("worker %d ended (exit code %s); starting another", worker.process.pid, code)

    def _end_workers(self) -> None:
        workers = [slot.worker for slot in self._slots if slot.worker]
        for worker in workers:
            worker.process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        while any(slot.worker for slot in self._slots) and time.monotonic() < deadline:
            self._hear(_TICK_SECONDS)
        for worker in workers:
            if worker.process.poll() is None:
                log.error("worker %d did not end; it is killed", worker.process.pid)
                worker.process.kill()
                worker.process.wait()


def serve(agent: Agent) -> None:
    """Run an agent in the main thread until SIGTERM or SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: agent.stop())
    agent.run()


def _inherited() -> dict[str, str]:
    """This process's environment without what it proves itself by, to us or to a collector."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in WITHHELD and not name.startswith(_OF_TELEMETRY)
    }


def _listen(host: str, port: int) -> socket.socket:
    """Bind; a predecessor that was killed may still be draining the same port for a moment."""
    deadline = time.monotonic() + _BIND_SECONDS
    while True:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            listening.close()
            if time.monotonic() > deadline or port == 0:
                raise Unavailable(
                    f"Port {port} on {host} cannot be listened on: {error.strerror}.",
                    hint="Is another endpoint running there? Choose another with --port.",
                ) from error
            time.sleep(0.2)
            continue
        listening.listen(2048)
        return listening
