"""Squads' code as users of its own: the system keeps them from each other and from the platform."""

from __future__ import annotations

import json
import logging
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from northstar.errors import Failed
from northstar.isolation.interface import Program
from northstar.isolation.users import UserNumbers

log = logging.getLogger(__name__)

_CHILD = Path(__file__).with_name("child.py")
_PRIVATE = 0o077
_PASSABLE = 0o711
_END_SECONDS = 10.0
_KILL_ALL_OF_MINE = "import os; os.getuid() and os.kill(-1, 9)"
_NEEDED = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "KILL": 5, "SETGID": 6, "SETUID": 7}
"""Capabilities and their numbers, as in ``capabilities(7)``; root has them."""
_SYS_PTRACE = 19


class OwnUsers:
    """A user for every name, from a range of numbers that nothing else uses.

    A program has no other group, no descriptor but its standard ones, no way to gain rights, and
    the variables that it is given. What it works on lies below ``folder``, through which it can
    pass but where it can list and read nothing that is not its own.

    Args:
        folder: exists, on a disk of this machine; every folder above it lets other users pass.
        environment: what every program is given.
        limits: numbers of resources (``RLIMIT_…``) and their limits.
    """

    protection: Literal["isolated"] = "isolated"
    problem = ""

    def __init__(
        self,
        folder: Path,
        numbers: range,
        environment: Mapping[str, str],
        limits: Mapping[int, int],
    ) -> None:
        self._folder = folder
        self._homes = folder / "homes"
        self._users = UserNumbers(folder / "users.json", numbers)
        self._environment = dict(environment)
        self._making = threading.Lock()
        self._limits = {resource.RLIMIT_CORE: 0, **limits}

    def hand_over(self, user: str, folder: Path) -> None:
        self._give(self._users.number(user), folder)

    def start(self, user: str, program: Program) -> subprocess.Popen[bytes]:
        number = self._users.number(user)
        environment = {
            **self._environment,
            "HOME": str(self._private(number, "home")),
            "TMPDIR": str(self._private(number, "tmp")),
            "USER": f"user{number}",
            "LOGNAME": f"user{number}",
            **program.environment,
        }
        try:
            return _become(number, replace(program, environment=environment), self._limits)
        except OSError as error:
            raise Failed(
                f"Nothing can be started as user {number}: {error.strerror}.",
                hint=f"That user must be able to run {sys.executable}.",
            ) from error

    def runs(self, user: str, pid: int) -> bool:
        return _lives_as(self._users.number(user), Path(f"/proc/{pid}"))

    def end(self, user: str) -> None:
        number = self._users.number(user)
        deadline = time.monotonic() + _END_SECONDS
        while _processes(number):
            if time.monotonic() > deadline:
                log.error("processes of user %d (%s) do not end", number, user)
                return
            # A process of the same user sends SIGKILL to -1: the kernel ends all at once, so that
            # no pid can have gone to another process, and a fork bomb cannot outrun it.
            command = [sys.executable, "-I", "-S", "-c", _KILL_ALL_OF_MINE]
            with Path(os.devnull).open("wb") as nowhere:
                _become(number, Program(command, Path("/"), {}, nowhere, nowhere), {}).wait()
        shutil.rmtree(self._homes / str(number) / "tmp", ignore_errors=True)

    def _private(self, number: int, name: str) -> Path:
        folder = self._homes / str(number) / name
        with self._making:
            if not folder.is_dir():
                half = folder.with_suffix(".part")
                half.mkdir(parents=True, exist_ok=True)
                self._give(number, half)
                half.rename(folder)
        return folder

    def _give(self, number: int, folder: Path) -> None:
        folder.chmod(0o700)
        for _, folders, files, place in os.fwalk(folder, follow_symlinks=False):
            for name in (*folders, *files):
                os.chown(name, number, number, dir_fd=place, follow_symlinks=False)
        os.chown(folder, number, number)
        for above in folder.relative_to(self._folder).parents:
            (self._folder / above).chmod(_PASSABLE)


def what_is_missing(folder: Path, package: Path) -> str:
    """Why users of their own are not possible here, in a sentence; empty if they are.

    Args:
        folder: in which they would work.
        package: the modules of the platform.
    """
    if not sys.platform.startswith("linux"):
        return "Only on Linux can squads' code be given users of its own."
    mine = int(_status(Path("/proc/self"))["CapEff"], 16)
    if missing := [name for name, bit in _NEEDED.items() if not mine >> bit & 1]:
        names = ", ".join(f"CAP_{name}" for name in missing)
        return f"This process may not start programs as other users: it lacks {names}."
    if not mine >> _SYS_PTRACE & 1 and _others_are_hidden():
        return (
            "/proc hides other users' processes (hidepid), and this process lacks CAP_SYS_PTRACE."
        )
    if not folder.is_dir() or folder.stat().st_uid != os.geteuid():
        return f"The folder {folder} (NORTHSTAR_WORK) is not there, or somebody else's."
    for needed in (Path(sys.executable), Path(sys.executable).resolve(), package, folder):
        if closed := _closed(needed):
            return f"Other users can't reach {needed}: {closed} is closed to them."
    return ""


def _become(number: int, program: Program, limits: Mapping[int, int]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(_CHILD), json.dumps(limits), *program.command],
        cwd=program.folder,
        env=program.environment,
        stdin=subprocess.DEVNULL,
        stdout=program.output,
        stderr=program.errors,
        start_new_session=True,
        user=number,
        group=number,
        extra_groups=(),
        umask=_PRIVATE,
    )


def _closed(path: Path) -> Path | None:
    """The first folder on the way to a path that others can't pass through."""
    above = reversed(path.parents)
    return next((each for each in above if not each.stat().st_mode & 0o001), None)


def _others_are_hidden() -> bool:
    """Whether processes of other users can't be seen, so that none of them could be ended."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    options = next((mount[3] for mount in reversed(mounts) if mount[1] == "/proc"), "")
    hidden = dict(option.partition("=")[::2] for option in options.split(",")).get("hidepid", "0")
    return hidden not in ("0", "off")


def _processes(number: int) -> list[int]:
    """The processes that live as a user."""
    processes = (each for each in Path("/proc").iterdir() if each.name.isdecimal())
    return [int(each.name) for each in processes if _lives_as(number, each)]


def _lives_as(number: int, process: Path) -> bool:
    """Whether a process has a user's number as its real, effective or saved one."""
    try:
        status = _status(process)
    except OSError:  # it has ended meanwhile
        return False
    return str(number) in status["Uid"].split() and status["State"][0] not in "ZX"


def _status(process: Path) -> dict[str, str]:
    """The lines of ``/proc/PID/status``."""
    lines = (line.partition(":") for line in (process / "status").read_text().splitlines())
    return {name: value.strip() for name, _, value in lines}
