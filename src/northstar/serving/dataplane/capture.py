"""Keeping what was asked and answered, off the hot path.

A worker appends each request's raw bytes and its answer to a list; ten times a second (or every
``_BATCH`` requests) the list goes as one frame through a socket to a writer process of the worker's
own, which decodes and writes Arrow segments. Frames are kept until the writer says that they are
on disk, and sent again to a new writer if the old one dies. What waits is bounded; what does not
fit is dropped and counted.

A frame survives the death of the worker once it is in the socket: the writer reads to the end.
"""

from __future__ import annotations

import asyncio
import logging
import marshal
import secrets
import socket
import struct
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from northstar.backoff import pause_seconds
from northstar.serving.domain import EndpointSpec

log = logging.getLogger(__name__)

Record = tuple[str, int, int, int, str, bytes, Any, str | None]
"""id, event time and recording time (µs since 1970), version, protocol, raw body, answers, and the
``traceparent`` of the endpoint's span if the request was traced."""

FRAME = struct.Struct("<QI")
"""A frame's head: its sequence number (0: a description of the endpoint) and its body's length."""

ACKNOWLEDGEMENT = struct.Struct("<QQQ")
"""The writer's answer: all frames up to this number are settled; rows written, rows lost."""

_BATCH = 256
_BATCH_BYTES = 1024 * 1024
_PAUSE_SECONDS = 0.1
_MEGABYTE = 1024 * 1024
_STOP_SECONDS = 20.0
_WORST_RESTART_SECONDS = 5.0


class Recorder(Protocol):
    """Takes answered requests; must never block or raise."""

    def record(self, record: Record, rows: int) -> None: ...


class _Frame(NamedTuple):
    sequence: int
    rows: int
    content: bytes


class Capture:
    """One worker's recorder and its writer process; lives on the event loop's thread.

    Args:
        folder: where segments go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._limit_bytes = 0
        self._session = secrets.token_hex(6)
        self._enabled = False
        self._description = b""
        self._ring: list[Record] = []
        self._ring_rows = 0
        self._ring_bytes = 0
        self._models: dict[int, Any] = {}
        self._stopping = False
        self._sequence = 0
        self._unsettled: deque[_Frame] = deque()
        self._unsettled_bytes = 0
        self._outgoing: deque[memoryview] = deque()
        self._acknowledged = bytearray()
        self._writer: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._restarts = 0
        self.captured = 0
        self.dropped = 0

    def start(self) -> None:
        """Begin to hand over; call on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._tick()

    def describe(self, spec: EndpointSpec) -> None:
        """Tell the writer what the records from now on belong to; call before recording them."""
        self._hand_over()
        self._enabled = spec.capture.enabled
        self._limit_bytes = spec.capture.waiting_mb * _MEGABYTE
        # Frames that wait may be of versions that this spec no longer has.
        self._models.update({model.version: model.model_dump(mode="json") for model in spec.models})
        description = {
            "endpoint": spec.endpoint,
            "session": self._session,
            "flush_seconds": spec.capture.flush_seconds,
            "disk_mb": spec.capture.disk_mb,
            "models": list(self._models.values()),
        }
        body = marshal.dumps(description)
        self._description = FRAME.pack(0, len(body)) + body
        if self._enabled and self._socket is None:
            self._start_writer()
        elif self._socket is not None:
            self._send(self._description)

    def record(self, record: Record, rows: int) -> None:
        """Keep one answered request."""
        if not self._enabled:
            return
        size = len(record[5])
        if self._unsettled_bytes + self._ring_bytes + size > self._limit_bytes:
            self.dropped += rows
            return
        self._ring.append(record)
        self._ring_rows += rows
        self._ring_bytes += size
        if len(self._ring) >= _BATCH or self._ring_bytes > _BATCH_BYTES:
            self._hand_over()

    async def stop(self) -> None:
        """Hand over everything and wait until the writer has it on disk."""
        if self._timer:
            self._timer.cancel()
        self._hand_over()
        self._stopping = True
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                while self._outgoing:
                    await asyncio.sleep(0.01)
                if self._socket is not None:
                    self._socket.shutdown(socket.SHUT_WR)
                while self._socket is not None:  # until the writer has closed its end
                    await asyncio.sleep(0.01)
                while self._writer is not None and self._writer.poll() is None:
                    await asyncio.sleep(0.01)
        except TimeoutError:
            log.warning("the capture writer did not finish within %.0f s", _STOP_SECONDS)
        lost = sum(frame.rows for frame in self._unsettled)
        if lost:
            log.error("%d captured rows were not on disk at the end", lost)
            self.dropped += lost
        self._forget_socket()

    def _tick(self) -> None:
        assert self._loop is not None  # noqa: S101 - only start() and this method arrange the call
        self._hand_over()
        self._timer = self._loop.call_later(_PAUSE_SECONDS, self._tick)

    def _hand_over(self) -> None:
        if not self._ring:
            return
        self._sequence += 1
        body = marshal.dumps(self._ring)
        frame = _Frame(
            self._sequence, self._ring_rows, FRAME.pack(self._sequence, len(body)) + body
        )
        self._ring = []
        self._ring_rows = 0
        self._ring_bytes = 0
        self._unsettled.append(frame)
        self._unsettled_bytes += len(frame.content)
        self._send(frame.content)

    def _send(self, content: bytes) -> None:
        if self._socket is None:
            return
        idle = not self._outgoing
        self._outgoing.append(memoryview(content))
        if idle:
            self._flush_outgoing()

    def _flush_outgoing(self) -> None:
        """Push what the socket takes; the event loop calls again when it takes more."""
        connection, loop = self._socket, self._loop
        if connection is None or loop is None:
            return
        try:
            while self._outgoing:
                content = self._outgoing[0]
                sent = connection.send(content)
                if sent < len(content):
                    self._outgoing[0] = content[sent:]
                else:
                    self._outgoing.popleft()
        except BlockingIOError:
            loop.add_writer(connection.fileno(), self._flush_outgoing)
            return
        except OSError:
            self._replace_writer()
            return
        loop.remove_writer(connection.fileno())

    def _read_acknowledgements(self) -> None:
        connection = self._socket
        if connection is None:
            return
        try:
            received = connection.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._replace_writer()
            return
        self._acknowledged += received
        while len(self._acknowledged) >= ACKNOWLEDGEMENT.size:
            sequence, written, lost = ACKNOWLEDGEMENT.unpack_from(self._acknowledged)
            del self._acknowledged[: ACKNOWLEDGEMENT.size]
            self.captured += written
            self.dropped += lost
            while self._unsettled and self._unsettled[0].sequence <= sequence:
                self._unsettled_bytes -= len(self._unsettled.popleft().content)

    def _start_writer(self) -> None:
        loop = self._loop
        if loop is None:
            return
        ours, theirs = socket.socketpair()
        with theirs:
            # A session of its own: what ends the worker's process group must not end the writer.
            self._writer = subprocess.Popen(
                [sys.executable, "-m", "northstar.serving.dataplane.capture_writer",
                 str(self._folder)],
                stdin=theirs.fileno(),
                start_new_session=True,
            )  # fmt: skip
        ours.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self._socket = ours
        self._acknowledged.clear()
        loop.add_reader(ours.fileno(), self._read_acknowledgements)
        self._outgoing = deque([memoryview(self._description)])
        self._outgoing.extend(memoryview(frame.content) for frame in self._unsettled)
        self._flush_outgoing()

    def _replace_writer(self) -> None:
        self._forget_socket()
        if self._stopping:
            return
        code = self._writer.poll() if self._writer else None
        self._restarts += 1
        log.error("the capture writer ended (exit code %s); starting a new one", code)
        assert self._loop is not None  # noqa: S101 - there was a writer, so there is a loop
        pause = pause_seconds(self._restarts, 0.1, _WORST_RESTART_SECONDS)
        self._loop.call_later(pause, self._start_writer)

    def _forget_socket(self) -> None:
        if self._socket is not None and self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_writer(self._socket.fileno())
            self._socket.close()
        self._socket = None
        self._outgoing.clear()
