"""Where jobs run: a process of its own on this machine, which outlives the control plane."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from northstar.errors import Failed
from northstar.isolation.interface import Isolation, Program

_PROCESS_FILE = "process.json"
_RESULT_FILE = "result.json"
_LOG_FILE = "log.txt"
_MOST_BYTES = 1 << 20  # of a result, or of a log's end; a job could write any amount


class Executor(Protocol):
    """Runs one command per folder, at most once at a time; keeps its log and its result there.

    ``user`` is the name of the user for whom it runs, as ``Isolation`` has it. One job at a time
    runs for a user.
    """

    def start(
        self, folder: Path, user: str, command: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        """Start ``command`` in ``folder``. It may outlive the caller. Returns at once.

        Raises ``Failed`` where it must not run.
        """
        ...

    def running(self, folder: Path) -> bool:
        """Whether what was started in ``folder`` still runs; also after a restart of the caller."""
        ...

    def result(self, folder: Path) -> dict[str, object] | None:
        """The JSON object that the command printed, or ``None`` if it ended without one."""
        ...

    def log(self, folder: Path, lines: int) -> str:
        """The last ``lines`` lines of what the command said."""
        ...

    def stop(self, user: str) -> None:
        """End what runs for a user: the command, and whatever it left running."""
        ...


class LocalExecutor:
    """Processes on this machine, each in a session of its own.

    A process is recognised after a restart by its number and its start time, so that a number
    which the system gave to somebody else is not mistaken for it.
    """

    def __init__(self, isolation: Isolation) -> None:
        self._isolation = isolation
        self._children: dict[Path, subprocess.Popen[bytes]] = {}

    def start(
        self, folder: Path, user: str, command: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        self.stop(user)
        (folder / _RESULT_FILE).unlink(missing_ok=True)
        with (
            _private(folder / _RESULT_FILE, "wb") as out,
            _private(folder / _LOG_FILE, "ab") as log,
        ):
            program = Program(command, folder, environment, output=out, errors=log)
            child = self._isolation.start(user, program)
        self._children[folder] = child
        started = _start_time(child.pid)
        with _private(folder / _PROCESS_FILE, "wb") as file:
            file.write(json.dumps({"pid": child.pid, "started": started}).encode())

    def running(self, folder: Path) -> bool:
        child = self._children.get(folder)
        if child is not None:
            return child.poll() is None
        return _known_process(folder) is not None

    def result(self, folder: Path) -> dict[str, object] | None:
        try:
            found = json.loads(_end_of(folder / _RESULT_FILE))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def log(self, folder: Path, lines: int) -> str:
        path = folder / _LOG_FILE
        if not path.is_file():
            return ""
        return "\n".join(_end_of(path).splitlines()[-lines:])

    def stop(self, user: str) -> None:
        self._isolation.end(user)


def northstar_command(*arguments: str) -> list[str]:
    """The command line of this very installation."""
    return [sys.executable, "-m", "northstar", *arguments]


def _known_process(folder: Path) -> int | None:
    try:
        known = json.loads((folder / _PROCESS_FILE).read_text())
        pid, started = int(known["pid"]), known["started"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return pid if started is not None and _start_time(pid) == started else None


def _private(path: Path, mode: str) -> IO[bytes]:
    """Open a file that is for this process's user alone."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))


def _end_of(path: Path) -> str:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _MOST_BYTES))
        return file.read().decode(errors="replace")


def _start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; ``None`` for none, or a dead one."""
    if not sys.platform.startswith("linux"):
        raise Failed(
            "Jobs on this machine need /proc, which only Linux has.",
            hint="Run `northstar run` by hand, or the platform on Linux.",
        )
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])
