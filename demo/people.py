"""The embedded platform as a child process, and the people who use its command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from northstar.connection import Connection, Credentials
from northstar.errors import NorthstarError

_PATIENCE_SECONDS = 120.0


def wait_for(holds: Callable[[], Any], what: str) -> Any:
    """Wait until ``holds()`` is true, and return its value; ends the demo after two minutes."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if value := holds():
            return value
        time.sleep(0.1)
    sys.exit(f"The demo waited {_PATIENCE_SECONDS:.0f} s in vain for {what}.")


@dataclass(frozen=True)
class Person:
    """Somebody with credentials of their own, at a terminal in the demo's folder."""

    url: str
    client_id: str
    client_secret: str
    folder: Path

    def northstar(self, *arguments: str, fails: bool = False) -> str:
        """Run one command and return what it printed; ``fails`` says that it is meant to."""
        done = subprocess.run(
            [sys.executable, "-m", "northstar", *arguments],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if (done.returncode != 0) is not fails:
            sys.exit(
                f"northstar {' '.join(arguments)} (as {self.client_id}) exited with "
                f"{done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done.stdout if not fails else done.stdout + done.stderr

    def ask(self, *arguments: str) -> Any:
        """Run one command with ``--json`` and return the result."""
        return json.loads(self.northstar(*arguments, "--json"))

    def connect(self) -> Connection:
        """The person's SDK connection."""
        return Connection(
            Credentials(self.url, client_id=self.client_id, client_secret=self.client_secret)
        )

    def hire(self, who: str, role: str, scope: str) -> Person:
        """Make a principal with a role (as an administrator), and be it."""
        made = self.ask("principal", "create", who)
        self.northstar("role", "assign", who, role, scope)
        return Person(self.url, made["client_id"], made["client_secret"], self.folder)

    def _environment(self) -> dict[str, str]:
        return {
            **_clean_environment(),
            "NORTHSTAR_URL": self.url,
            "NORTHSTAR_CLIENT_ID": self.client_id,
            "NORTHSTAR_CLIENT_SECRET": self.client_secret,
        }


class Platform:
    """``northstar up`` in a folder of the demo's own, made anew at every run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / ".northstar"
        _end_processes_of(self.state)  # of a demo that was killed
        if self.state.exists():
            for path in self.state.rglob("*"):
                if path.is_dir() and not path.is_symlink():
                    path.chmod(0o700)
            shutil.rmtree(self.state)
        self.state.mkdir(parents=True)
        self._log = (folder / "up.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "northstar", "up", "--state", str(self.state), "--port", "0"],
            env=_clean_environment(),
            stdout=self._log,
            stderr=self._log,
        )

    def administrator(self) -> Person:
        """The administrator of this machine, as soon as everything answers."""
        known = wait_for(self._connection, "the platform to start")
        admin = Person(known["url"], known["client_id"], known["client_secret"], self.folder)
        wait_for(lambda: _ready(admin), "MLflow to start")
        return admin

    def stop(self) -> None:
        """End the platform and the endpoints that it started."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(40)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._log.close()
        _end_processes_of(self.state)

    def _connection(self) -> dict[str, str] | None:
        if self._process.poll() is not None:
            sys.exit(f"northstar up ended:\n{(self.folder / 'up.log').read_text()}")
        path = self.state / "connection.json"
        try:
            return dict(json.loads(path.read_text()))
        except (OSError, ValueError):
            return None


def _ready(admin: Person) -> bool:
    connection = admin.connect()
    try:
        return bool(connection.get("/readyz")["ready"])
    except NorthstarError:
        return False
    finally:
        connection.close()


def _clean_environment() -> dict[str, str]:
    own = ("NORTHSTAR_", "MLFLOW_")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


def _end_processes_of(state: Path) -> None:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if str(state).encode() in command and int(folder.name) != os.getpid():
            try:
                os.kill(int(folder.name), signal.SIGKILL)
            except ProcessLookupError:
                continue
