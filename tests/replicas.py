"""The control plane as production has it: replicas on PostgreSQL behind one address."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2

from northstar.connection import Connection, Credentials
from tests.embedded import processes_mentioning, wait_until

_NORTHSTAR = (sys.executable, "-m", "northstar")


class Replicas:
    """Real `northstar server` processes behind a balancer, started and killed one by one.

    Args:
        folder: of the state that they share, and of their logs.
        database_url, mlflow_database_url: PostgreSQL, or SQLite for one replica.
        prefix: a command that starts the servers in its turn.
        settings: more of the servers' variables.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str,
        mlflow_database_url: str,
        *,
        prefix: Sequence[str] = (),
        **settings: str,
    ) -> None:
        self.folder = folder
        self._prefix = prefix
        self.state = folder / "state"
        self._balancer = Balancer()
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._settings = {
            "NORTHSTAR_STATE": str(self.state),
            "NORTHSTAR_PUBLIC_URL": self._balancer.url,
            "NORTHSTAR_DATABASE_URL": database_url,
            "NORTHSTAR_MLFLOW_DATABASE_URL": mlflow_database_url,
            "NORTHSTAR_JOBS": "unprotected",  # the tests' own code, on the tests' own machine
            **settings,
        }
        known = json.loads(self._command("bootstrap", "--json", **self._settings).stdout)
        self._client = {
            "NORTHSTAR_URL": known["url"],
            "NORTHSTAR_CLIENT_ID": known["client_id"],
            "NORTHSTAR_CLIENT_SECRET": known["client_secret"],
        }
        self.connection = Connection(
            Credentials(known["url"], "", known["client_id"], known["client_secret"])
        )

    def start(self, count: int) -> None:
        """Start replicas at once and wait until every one is ready."""
        ports = [_free_port() for _ in range(count)]
        for port in ports:
            with (self.folder / f"server-{port}.log").open("wb") as log:
                self._processes[port] = subprocess.Popen(
                    [*self._prefix, *_NORTHSTAR, "server", "--port", str(port)],
                    stdout=log,
                    stderr=log,
                    env=self._environment(**self._settings),
                )
        for port in ports:
            wait_until(lambda port=port: self._ready(port), f"the replica at {port}", self.log)
        self._balancer.ports = list(self._processes)

    def leader(self) -> int | None:
        """The port of the replica that runs the background loops."""
        return next((port for port in self._processes if self._health(port).get("leading")), None)

    def kill(self, port: int) -> None:
        """End one as a lost machine would."""
        process = self._processes.pop(port)
        process.kill()
        process.wait()
        self._balancer.ports = list(self._processes)

    def stop(self) -> None:
        """End everything that was started."""
        self.connection.close()
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            process.wait(30)
        for pid in processes_mentioning(str(self.state)):
            os.kill(pid, signal.SIGKILL)
        self._balancer.close()

    def json(self, *arguments: str) -> Any:
        """Run one command as a client and return what it printed."""
        done = self._command(*arguments, "--json", **self._client)
        assert done.returncode == 0, f"{arguments}:\n{done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def log(self) -> str:
        """The end of what the replicas said, for messages of failing tests."""
        return "\n".join(path.read_text()[-2000:] for path in self.folder.glob("server-*.log"))

    def _command(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*_NORTHSTAR, *arguments],
            cwd=self.folder,
            env=self._environment(**variables),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def _environment(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("NORTHSTAR_", "MLFLOW_"))}
        return {**kept, "HOME": str(self.folder), "OMP_NUM_THREADS": "1", **more}

    def _ready(self, port: int) -> bool:
        assert self._processes[port].poll() is None, f"the replica ended:\n{self.log()}"
        return bool(self._health(port).get("ready"))

    def _health(self, port: int) -> dict[str, Any]:
        try:
            return dict(httpx2.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).json())
        except httpx2.HTTPError:  # not there yet, or no more
            return {}


class Balancer:
    """One address in front of several: each connection goes to the first port that takes it."""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                caller, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(caller,), daemon=True).start()

    def _connect(self, caller: socket.socket) -> None:
        with caller:
            for port in self.ports:
                with contextlib.suppress(OSError):
                    with socket.create_connection(("127.0.0.1", port)) as replica:
                        back = threading.Thread(target=_pour, args=(replica, caller), daemon=True)
                        back.start()
                        _pour(caller, replica)
                        back.join()
                    return


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(65536):
            sink.sendall(content)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
