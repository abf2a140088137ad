"""Numbers of users for names of ours: given once, and never to another name on this machine.

A number that went from one squad to the next would take along whatever the first one's programs
left behind anywhere, such as files in ``/tmp``.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from northstar.durable import replace_file
from northstar.errors import Failed

_FEWEST = 1000  # numbers below belong to the system


class UserNumbers:
    """The numbers of a range, kept in a file; several processes may share it.

    Args:
        file: who has which number; written by this class alone.
        numbers: the range; nothing else on the machine may use it.
    """

    def __init__(self, file: Path, numbers: range) -> None:
        self._file = file
        self._numbers = numbers
        self._known: dict[str, int] = {}

    def number(self, name: str) -> int:
        """The user and group number of a name; raises ``Failed`` when none is left."""
        if name not in self._known:
            with self._locked():
                known = self._read()
                if name not in known:
                    known[name] = self._next(name, known)
                    self._write(known)
                # After the file is written: what is not in it, another process gives again.
                self._known = known
        return self._known[name]

    def _next(self, name: str, known: Mapping[str, int]) -> int:
        given = set(known.values())
        for number in self._numbers:
            if number not in given:
                return number
        raise Failed(
            f"No user is left for {name}: {len(self._numbers)} are given to others.",
            hint="Widen NORTHSTAR_JOB_UIDS; every project and every endpoint needs one.",
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> dict[str, int]:
        try:
            return {str(name): int(n) for name, n in json.loads(self._file.read_text()).items()}
        except FileNotFoundError:
            return {}

    def _write(self, known: Mapping[str, int]) -> None:
        replace_file(self._file, json.dumps(known, indent=1))


def parse_numbers(text: str) -> range | None:
    """``20000-59999`` as a range; ``None`` for what is none, or would touch the system's users."""
    first, separator, last = text.partition("-")
    if not (separator and first.isdecimal() and last.isdecimal()):
        return None
    numbers = range(int(first), int(last) + 1)
    return numbers if numbers and numbers.start >= _FEWEST else None
