"""An endpoint's state folder: the specs and models with which it can start on its own.

lock                    held while an agent runs here
process.json            that agent: pid, its start time, port
wanted.json             the newest spec, its models complete and checked
good.json               the newest spec that the workers have really loaded
models/<digest>/        model folders
prepared/<digest>/      conversions of them
captures/               unless captures go elsewhere
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from northstar.durable import replace_file
from northstar.errors import Conflict
from northstar.serving.domain import EndpointSpec

_MOST_BYTES = 4096


@dataclass(frozen=True)
class ServingProcess:
    """An agent's process, told apart from a later one with the same pid by its start time."""

    pid: int
    started: int  # in clock ticks after the machine's start, as in /proc/<pid>/stat
    port: int


class StateFolder:
    """The files of one endpoint on one machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.models = path / "models"
        self.prepared = path / "prepared"
        self.models.mkdir(parents=True, exist_ok=True)

    def lock(self) -> IO[str]:
        """Hold the folder for as long as the returned file is open; raises ``Conflict``."""
        file = (self.path / "lock").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise Conflict(
                f"Another endpoint process already uses {self.path}.",
                hint="Stop it first, or name another --state-dir.",
            ) from error
        return file

    def write_process(self, process: ServingProcess) -> None:
        """Say which process serves from here."""
        replace_file(self.path / "process.json", json.dumps(asdict(process)))

    def write_wanted(self, spec: EndpointSpec) -> None:
        """Keep the newest spec; its models must be in place."""
        replace_file(self.path / "wanted.json", spec.model_dump_json())

    def confirm(self, revision: int) -> None:
        """Remember that the wanted spec of this revision loads, and drop models it outlived."""
        spec = self._read("wanted.json")
        if spec is None or spec.revision != revision:
            return
        replace_file(self.path / "good.json", spec.model_dump_json())
        kept = {model.digest.removeprefix("sha256:") for model in spec.models}
        for folder in (*self.models.iterdir(), *self.prepared.glob("*")):
            if folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def specs(self) -> list[EndpointSpec]:
        """What to try to serve at a start, the newest first."""
        found = [self._read("wanted.json"), self._read("good.json")]
        return [spec for spec in found if spec is not None]

    def _read(self, name: str) -> EndpointSpec | None:
        try:
            return EndpointSpec.model_validate_json((self.path / name).read_bytes())
        except (OSError, ValidationError):
            return None


def process_start(pid: int) -> int | None:
    """When a running process started, in clock ticks; ``None`` if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def serving_process(path: Path) -> ServingProcess | None:
    """The process that serves from the state folder at ``path``, if one does."""
    try:
        told = ServingProcess(**json.loads(_read_plain(path / "process.json")))
    except (OSError, ValueError, TypeError):
        return None
    return told if is_running(told) else None


def is_running(process: ServingProcess) -> bool:
    """Whether that very process still runs (not merely one with its pid)."""
    return process_start(process.pid) == process.started


def _read_plain(path: Path) -> bytes:
    """A small file's content; what else a hostile process may have put in its place, such as a
    pipe that nobody writes to or a link, raises ``OSError``.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a file")
        return os.read(descriptor, _MOST_BYTES)
    finally:
        os.close(descriptor)
