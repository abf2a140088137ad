"""The capture writer: a process that turns a worker's frames into Arrow segments.

It reads frames from its standard input until the worker's end closes, however the worker died, and
acknowledges what is safely on disk. Segment names carry the worker's session and the last frame
that they cover: a writer that takes over from a killed one finds what was already written, and
writes nothing twice.
"""

from __future__ import annotations

import gc
import logging
import marshal
import os
import re
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from northstar.names import EndpointRef
from northstar.serving.dataplane import invocations, oip
from northstar.serving.dataplane.capture import ACKNOWLEDGEMENT, FRAME, Record
from northstar.serving.dataplane.questions import Columns, parse_object, row_ids
from northstar.serving.dataplane.segments import CapturedRows, segment_table, write_segment
from northstar.serving.dataplane.spool import SEGMENT, SHIPPED, endpoint_folder, segments_folder
from northstar.serving.domain import ModelSpec

log = logging.getLogger(__name__)

_MOST_ROWS = 100_000
_MOST_BYTES = 16 << 20  # of requests: a worker holds a few times as much until they are on disk
_MEGABYTE = 1 << 20
_RECEIVE_BYTES = 1 << 20
_RETRY_SECONDS = 1.0
_LAST_TRIES = 3
_NICENESS = 5
_READ_ROWS = {"oip": oip.rows, "invocations": invocations.rows}


@dataclass
class _Version:
    model: ModelSpec
    columns: Columns
    captured: CapturedRows = field(default_factory=lambda: CapturedRows([], [], [], [], [], []))
    written_up_to: int = 0  # the last frame whose rows of this version are on disk


class CaptureWriter:
    """Collects rows by version and writes them as segments.

    Args:
        captures: the folder of all endpoints' captures.
    """

    def __init__(self, captures: Path) -> None:
        self._captures = captures
        self._endpoint: EndpointRef | None = None
        self._session = ""
        self._versions: dict[int, _Version] = {}
        self._sequence = 0
        self._acknowledged = 0
        self._pending = 0
        self._pending_bytes = 0
        self._most_on_disk: int | None = None
        self._written = 0
        self._lost = 0
        self.flush_seconds = 1.0

    @property
    def full(self) -> bool:
        """Whether so much is pending that it must not wait for its time."""
        return self._pending >= _MOST_ROWS or self._pending_bytes >= _MOST_BYTES

    @property
    def unacknowledged(self) -> bool:
        """Whether frames were taken that no ``flush`` has settled."""
        return self._sequence > self._acknowledged

    def describe(self, description: dict[str, Any]) -> None:
        """Learn what the frames from now on belong to."""
        self._endpoint = EndpointRef.parse(description["endpoint"])
        self._session = description["session"]
        self.flush_seconds = float(description["flush_seconds"])
        limit = description.get("disk_mb")
        self._most_on_disk = None if limit is None else limit * _MEGABYTE
        for given in description["models"]:
            model = ModelSpec.model_validate(given)
            if model.version not in self._versions:
                self._versions[model.version] = _Version(
                    model,
                    Columns(model.columns),
                    written_up_to=self._find_written(model.version),
                )

    def take(self, sequence: int, records: list[Record]) -> None:
        """Decode a frame's records; one that cannot be decoded is counted as lost."""
        for record in records:
            try:
                self._take_record(sequence, record)
            except Exception:  # whatever a request held, the others must be kept
                log.exception("a captured request could not be decoded")
                self._lost += 1
        self._sequence = max(self._sequence, sequence)

    def flush(self) -> bytes:
        """Write every version's rows and return the acknowledgement.

        Raises ``OSError`` when the disk does not take them; the same call may succeed later.
        """
        room = self._has_room()
        for version in self._versions.values():
            self._write(version, room=room)
        answer = ACKNOWLEDGEMENT.pack(self._sequence, self._written, self._lost)
        self._acknowledged = self._sequence
        self._written = self._lost = self._pending_bytes = 0
        return answer

    def _has_room(self) -> bool:
        """Whether what waits here to be shipped, by whichever worker, leaves room for more."""
        if self._most_on_disk is None or self._endpoint is None:
            return True
        waiting = endpoint_folder(self._captures, self._endpoint).rglob(f"*{SEGMENT}")
        return sum(map(_size_bytes, waiting)) < self._most_on_disk

    def _write(self, version: _Version, *, room: bool) -> None:
        assert self._endpoint is not None  # noqa: S101 - a description precedes all frames
        count = len(version.captured.ids)
        if count == 0:
            return
        now = datetime.now(UTC)
        number = version.model.version
        name = f"{now:%H%M%S%f}-{self._session}-{self._sequence}-v{number}.arrow"
        folder = segments_folder(self._captures, self._endpoint, now)
        try:
            table = segment_table(str(self._endpoint), version.model, version.captured)
        except Exception:  # it would fail again, and nothing else must wait for it
            log.exception("%d captured rows of version %d cannot be kept", count, number)
            self._lost += count
        else:
            if room:
                write_segment(folder / name, table)
                self._written += count
            else:
                log.error("%d captured rows are dropped: too much waits to be shipped", count)
                self._lost += count
        version.captured = CapturedRows([], [], [], [], [], [])
        version.written_up_to = self._sequence
        self._pending -= count

    def _take_record(self, sequence: int, record: Record) -> None:
        request_id, event_time, recorded, number, protocol, body, answers, trace = record
        version = self._versions[number]
        if sequence <= version.written_up_to:
            self._written += len(answers)
            return
        rows = _READ_ROWS[protocol](parse_object(body), version.columns)
        captured = version.captured
        captured.ids.extend(row_ids(request_id, len(rows)))
        captured.event_times.extend([event_time] * len(rows))
        captured.recorded.extend([recorded] * len(rows))
        captured.rows.extend(rows)
        captured.answers.extend(answers)
        captured.traces.extend([trace] * len(rows))
        self._pending += len(rows)
        self._pending_bytes += len(body)

    def _find_written(self, version: int) -> int:
        """The last frame of this session that an earlier writer has written for ``version``."""
        assert self._endpoint is not None  # noqa: S101 - set by describe, the only caller
        today = datetime.now(UTC)
        there = f"(?:{re.escape(SEGMENT)}|{re.escape(SHIPPED)})"
        pattern = re.compile(rf"^\d+-{self._session}-(\d+)-v{version}{there}$")
        found = 0
        for day in (today, today - timedelta(days=1)):
            folder = segments_folder(self._captures, self._endpoint, day)
            for path in folder.glob(f"*-{self._session}-*"):
                if match := pattern.match(path.name):
                    found = max(found, int(match.group(1)))
        return found


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # shipped at this moment
        return 0


def run(connection: socket.socket, captures: Path) -> None:
    """Write what comes over ``connection`` until its other end closes."""
    writer = CaptureWriter(captures)
    received = bytearray()
    flush_at = time.monotonic() + writer.flush_seconds
    while True:
        wait = max(0.0, flush_at - time.monotonic()) if writer.unacknowledged else None
        readable, _, _ = select.select([connection], [], [], wait)
        if readable:
            content = connection.recv(_RECEIVE_BYTES)
            if not content:
                break
            if not writer.unacknowledged:
                flush_at = time.monotonic() + writer.flush_seconds
            received += content
            _take_frames(writer, received)
        if writer.unacknowledged and (time.monotonic() >= flush_at or writer.full):
            try:
                _acknowledge(connection, writer.flush())
            except OSError:
                log.exception("the captures cannot be written; trying again")
                flush_at = time.monotonic() + _RETRY_SECONDS
            else:
                flush_at = time.monotonic() + writer.flush_seconds
    _flush_at_the_end(connection, writer)


def _take_frames(writer: CaptureWriter, received: bytearray) -> None:
    offset = 0
    while len(received) - offset >= FRAME.size:
        sequence, length = FRAME.unpack_from(received, offset)
        end = offset + FRAME.size + length
        if len(received) < end:
            break
        # Both ends are the same interpreter and the same release: marshal is the fastest codec.
        content = marshal.loads(memoryview(received)[offset + FRAME.size : end])  # noqa: S302 - our own parent wrote it
        if sequence == 0:
            writer.describe(content)
        else:
            writer.take(sequence, content)
        offset = end
    del received[:offset]


def _flush_at_the_end(connection: socket.socket, writer: CaptureWriter) -> None:
    for attempt in range(_LAST_TRIES):
        if not writer.unacknowledged:
            return
        try:
            _acknowledge(connection, writer.flush())
        except OSError:
            log.exception("the captures cannot be written (try %d)", attempt + 1)
            time.sleep(_RETRY_SECONDS)


def _acknowledge(connection: socket.socket, acknowledgement: bytes) -> None:
    try:
        connection.sendall(acknowledgement)
    except (BrokenPipeError, ConnectionResetError):
        log.info("the worker is gone; its captures are on disk")


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)  # the end of the input is the only end
    logging.basicConfig(format="%(asctime)s %(levelname)s capture writer: %(message)s")
    os.nice(_NICENESS)  # answering comes first
    gc.disable()  # a second's rows are many containers and no cycle
    run(socket.socket(fileno=0), Path(sys.argv[1]))
