"""Heads of the audit's chain, kept in a file outside of the database that holds the chain.

Whoever can rewrite the table can recompute every digest in it, but not what stands here. The lines
are not signed: who can write this folder could as well change the program that checks them.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

from northstar.access.audit.chain import Checkpoint
from northstar.errors import Failed


class Checkpoints:
    """An append-only file of JSON lines.

    Args:
        path: where the file is or will be; its folder is made when the first line is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> list[Checkpoint]:
        """Every checkpoint, oldest first; raises ``Failed`` if the file was tampered with."""
        if not self._path.is_file():
            return []
        lines = self._path.read_bytes().split(b"\n")[:-1]  # what has no end was never written
        return [self._read(number, line) for number, line in enumerate(lines, start=1)]

    def add(self, checkpoint: Checkpoint) -> None:
        """Append one; it is on the disk when this returns."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        body = {
            "sequence": checkpoint.sequence,
            "digest": checkpoint.digest,
            "at": checkpoint.at.isoformat(),
        }
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)  # half a line of a process that was killed
            file.seek(0, os.SEEK_END)
            file.write(json.dumps(body).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _read(self, number: int, line: bytes) -> Checkpoint:
        try:
            body = json.loads(line)
            at = datetime.fromisoformat(body["at"])
            return Checkpoint(int(body["sequence"]), str(body["digest"]), at)
        except (ValueError, KeyError, TypeError) as error:
            raise Failed(f"Line {number} of {self._path} is not a checkpoint.") from error
