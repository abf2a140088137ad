"""Where jobs run: a process of its own on this machine, which outlives the control plane."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from northstar.errors import Failed

_PROCESS_FILE = "process.json"
_RESULT_FILE = "result.json"
_LOG_FILE = "log.txt"


class Executor(Protocol):
    """Runs one command per folder, at most once at a time; keeps its log and its result there."""

    def start(self, folder: Path, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start ``command`` in ``folder``. It may outlive the caller. Returns at once."""
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

    def stop(self, folder: Path) -> None:
        """End what runs in ``folder``, and everything that it started."""
        ...


class LocalExecutor:
    """Processes on this machine, each in a session of its own.

    A process is recognised after a restart by its number and its start time, so that a number
    which the system gave to somebody else is not mistaken for it.
    """

    def __init__(self) -> None:
        self._children: dict[Path, subprocess.Popen[bytes]] = {}

    def start(self, folder: Path, command: Sequence[str], environment: Mapping[str, str]) -> None:
        (folder / _RESULT_FILE).unlink(missing_ok=True)
        with (folder / _RESULT_FILE).open("wb") as out, (folder / _LOG_FILE).open("ab") as log:
            child = subprocess.Popen(
                command,
                cwd=folder,
                env={**_inherited(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )
        self._children[folder] = child
        started = _start_time(child.pid)
        (folder / _PROCESS_FILE).write_text(json.dumps({"pid": child.pid, "started": started}))

    def running(self, folder: Path) -> bool:
        child = self._children.get(folder)
        if child is not None:
            return child.poll() is None
        return _known_process(folder) is not None

    def result(self, folder: Path) -> dict[str, object] | None:
        try:
            found = json.loads((folder / _RESULT_FILE).read_text())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def log(self, folder: Path, lines: int) -> str:
        path = folder / _LOG_FILE
        if not path.is_file():
            return ""
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])

    def stop(self, folder: Path) -> None:
        pid = _known_process(folder)
        if pid is not None:
            os.killpg(pid, signal.SIGTERM)


def _inherited() -> dict[str, str]:
    """The machine's environment without the control plane's own settings, MLflow's server's, and
    the identity that Azure may have given to the control plane.
    """
    own = ("NORTHSTAR_", "MLFLOW_", "_MLFLOW_", "IDENTITY_", "MSI_", "AZURE_")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


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
