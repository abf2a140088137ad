"""Where a run keeps what its steps made: ``<project>/.northstar/runs/<run>/``."""

from __future__ import annotations

import fcntl
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from northstar.durable import replace_file
from northstar.errors import NotFound
from northstar.pipeline.domain import RunState
from northstar.pipeline.errors import NotResumable

_STATE_FILE = "state.json"


class RunFolder:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    @contextmanager
    def create(cls, project: Path, name: str) -> Iterator[RunFolder]:
        """A new run's folder, to be given its state; it is there when the block ends well.

        Every run that can be found can therefore be resumed.
        """
        half, folder = project / ".northstar" / f"new-{name}", _runs(project) / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        (project / ".northstar" / ".gitignore").write_text("*\n")
        half.mkdir()
        try:
            yield cls(half)
            half.rename(folder)
        finally:
            shutil.rmtree(half, ignore_errors=True)

    @classmethod
    def find(cls, project: Path, run: str) -> RunFolder:
        """A run's folder by its name; raises ``NotFound`` with the runs there are."""
        runs = _runs(project)
        known = sorted(path.name for path in runs.iterdir()) if runs.is_dir() else []
        if run not in known:
            recent = ", ".join(known[-5:]) or "none"
            raise NotFound(f"{project} has no run {run!r}.", hint=f"Its latest runs: {recent}.")
        return cls(runs / run)

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.name

    @property
    def source(self) -> Path:
        """The archive of the project's source."""
        return self.path / "source.tar.gz"

    @property
    def environment(self) -> Path:
        """The installed distributions, one a line."""
        return self.path / "environment.txt"

    @property
    def data(self) -> Path:
        """All rows of the window."""
        return self.path / "data.parquet"

    @property
    def train(self) -> Path:
        """What the squad's code sees."""
        return self.path / "train" / "train.parquet"

    @property
    def in_test(self) -> Path:
        """Which rows of the data only the platform sees, as a NumPy array of booleans."""
        return self.path / "in_test.npy"

    @property
    def output(self) -> Path:
        """Where the squad's code may leave a model."""
        return self.path / "output"

    @property
    def model(self) -> Path:
        """The model, as an MLflow model folder."""
        return self.path / "model"

    @property
    def work(self) -> Path:
        """Orders to child processes and their answers."""
        return self.path / "work"

    @property
    def runtime_cache(self) -> Path:
        """Conversions of the model that serving it wants."""
        return self.work / "runtime"

    @property
    def registration(self) -> Path:
        """What is sent to the registry."""
        return self.path / "registration.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes off the run; raises ``NotResumable`` if one is at it."""
        with (self.path / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise NotResumable(
                    f"Another process is carrying out run {self.name}.", hint="Wait for it to end."
                ) from error
            yield

    def log(self, name: str) -> Path:
        """The log of one of the run's child processes."""
        return self.path / "logs" / f"{name}.log"

    def load(self) -> RunState:
        """How far the run has come; raises ``NotResumable``."""
        try:
            return RunState.model_validate_json((self.path / _STATE_FILE).read_bytes())
        except (OSError, ValidationError) as error:
            raise NotResumable(
                f"The state of run {self.name} can't be read.", hint="Start a new one."
            ) from error

    def save(self, state: RunState) -> None:
        """Write the state so that a kill leaves the old or the new one, never a part."""
        replace_file(self.path / _STATE_FILE, state.model_dump_json(by_alias=True, indent=2))

    def tidy(self) -> None:
        """Remove what a finished run needs no more: its copies of the data, and orders to children.

        The model, the logs, the source and the registration stay.
        """
        for file in (self.data, self.in_test):
            file.unlink(missing_ok=True)
        for folder in (self.train.parent, self.output, self.work):
            shutil.rmtree(folder, ignore_errors=True)


def run_name(now: datetime) -> str:
    """A new run's name; it begins with the time, so that names sort by age."""
    return f"{now.astimezone():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def _runs(project: Path) -> Path:
    return project / ".northstar" / "runs"
