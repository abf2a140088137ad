"""Azurite, the emulator of Azure Blob, from npm: installed once beside this file."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
ACCOUNT = "devstoreaccount1"
# Published with the emulator; it opens nothing else.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_PATIENCE_SECONDS = 60.0
_INSTALL_SECONDS = 300.0


class Azurite:
    """One emulator on a port of its own, stopped and started again at will.

    Args:
        folder: where it keeps its blobs; they outlast a stop.
        options: more of its command-line options.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [
            "node", str(HERE / "node_modules/azurite/dist/src/blob/main.js"),
            "--blobPort", str(self.port), "--location", str(self._folder),
            "--silent", "--skipApiVersionCheck", "--disableTelemetry", *self._options,
        ]  # fmt: skip
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._listens():
            assert self._process.poll() is None, "azurite ended"
            assert time.monotonic() < deadline, "azurite does not listen"
            time.sleep(0.1)

    def stop(self) -> None:
        """End it; what it keeps stays."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_PATIENCE_SECONDS)
            self._process = None

    @property
    def environment(self) -> dict[str, str]:
        """The standard variables that lead Azure's libraries here, with its well-known key."""
        endpoint = f"http://127.0.0.1:{self.port}/{ACCOUNT}"
        return {
            "AZURE_STORAGE_CONNECTION_STRING": "DefaultEndpointsProtocol=http;"
            f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={endpoint};"
        }

    def make_container(self, name: str) -> str:
        """Make a container unless it is there, and return its address."""
        from azure.core.exceptions import ResourceExistsError
        from azure.storage.blob import ContainerClient

        connection = self.environment["AZURE_STORAGE_CONNECTION_STRING"]
        with (
            ContainerClient.from_connection_string(connection, name) as client,
            contextlib.suppress(ResourceExistsError),
        ):
            client.create_container()
        return f"abfs://{name}@{ACCOUNT}.dfs.core.windows.net"

    def blobs(self, container: str, prefix: str = "") -> list[str]:
        """The names of a container's blobs, sorted."""
        from azure.storage.blob import ContainerClient

        connection = self.environment["AZURE_STORAGE_CONNECTION_STRING"]
        with ContainerClient.from_connection_string(connection, container) as client:
            return sorted(client.list_blob_names(name_starts_with=prefix))

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def missing() -> str:
    """Why there can be no emulator here; empty if there can."""
    absent = [name for name in ("node", "npm") if shutil.which(name) is None]
    return f"there is no {' and no '.join(absent)} on this machine" if absent else ""


def install() -> None:
    """Install what the lock file says, unless it is here."""
    with (HERE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_installed():
            return
        npm: Sequence[str] = ("npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit")
        done = subprocess.run(
            npm, cwd=HERE, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False
        )
        assert done.returncode == 0, f"azurite could not be installed:\n{done.stderr[-2000:]}"


def _is_installed() -> bool:
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]["azurite"]
    found = HERE / "node_modules/azurite/package.json"
    whole = HERE / "node_modules/.package-lock.json"  # npm writes it last
    return (
        whole.is_file() and found.is_file() and json.loads(found.read_text())["version"] == wanted
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
