"""The embedded platform as a person has it: a real `northstar up`, real commands, real kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from northstar.connection import Connection, Credentials

PATIENCE_SECONDS = 90.0


class Embedded:
    """One embedded platform in a folder; started, killed and started again at will."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / ".northstar"
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def start(self) -> None:
        """Start it and wait until MLflow, too, is ready."""
        first = not (self.state / "connection.json").exists()
        port = ["--port", "0"] if first else []
        with (self.folder / "up.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "northstar", "up", "--state", str(self.state), *port],
                stdout=log,
                stderr=log,
                env=self.environment(),
            )
        wait_until(self._ready, f"the platform in {self.folder}", self.log)

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL, to this process only."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        """End it as a person would, and whatever it left running."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pid in processes_mentioning(str(self.state)):
            os.kill(pid, signal.SIGKILL)

    def environment(self, **more: str) -> dict[str, str]:
        """A clean environment: no profile of the person who runs the tests."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("NORTHSTAR_", "MLFLOW_"))}
        return {**kept, "HOME": str(self.folder), "OMP_NUM_THREADS": "1", **more}

    @property
    def connection(self) -> Connection:
        """The administrator's connection."""
        if self._connection is None:
            known = json.loads((self.state / "connection.json").read_text())
            self._connection = Connection(
                Credentials(
                    known["url"],
                    client_id=known["client_id"],
                    client_secret=known["client_secret"],
                )
            )
        return self._connection

    @property
    def url(self) -> str:
        """Where it answers."""
        return self.connection.url

    def run(
        self, *arguments: str, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one command of the command line."""
        return subprocess.run(
            [sys.executable, "-m", "northstar", *arguments],
            cwd=cwd or self.folder,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def json(self, *arguments: str, cwd: Path | None = None, **environment: str) -> Any:
        """Run one command with ``--json`` and return what it printed."""
        done = self.run(*arguments, "--json", cwd=cwd, **environment)
        assert done.returncode == 0, f"{arguments} exited {done.returncode}:\n{done.stderr}"
        return json.loads(done.stdout)

    def log(self) -> str:
        """The end of what it said, for messages of failing tests."""
        return (self.folder / "up.log").read_text()[-3000:]

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"northstar up ended:\n{self.log()}"
        if not (self.state / "connection.json").exists():
            return False
        try:
            return bool(self.connection.get("/readyz")["ready"])
        except Exception:  # noqa: BLE001 - not yet, for whatever reason; the log has it
            return False


def wait_until(holds: Callable[[], Any], what: str, context: Callable[[], str] = lambda: "") -> Any:
    """Wait until ``holds()`` is true and return its value; fail with ``what`` otherwise."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if value := holds():
            return value
        time.sleep(0.1)
    raise AssertionError(f"waited {PATIENCE_SECONDS:.0f} s in vain for {what}\n{context()}")


def processes_mentioning(text: str) -> list[int]:
    """The processes that have a text in their command line or their environment, but not ours."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        said = _read(folder / "cmdline") + _read(folder / "environ")
        if int(folder.name) != os.getpid() and text in said:
            found.append(int(folder.name))
    return found


def _read(file: Path) -> str:
    """What a file says; nothing if it is gone, or closed to us: some processes hide themselves."""
    try:
        return file.read_bytes().decode(errors="replace")
    except OSError:
        return ""
