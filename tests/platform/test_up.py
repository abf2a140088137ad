"""Where an embedded platform listens after its last connection file was broken."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from northstar.platform.settings import DEFAULT_PORT


@pytest.fixture
def taken() -> Iterator[None]:
    """The default port is somebody's, so that nothing starts there."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # it is somebody's already
            other.bind(("127.0.0.1", DEFAULT_PORT))
            other.listen()
        yield


@pytest.mark.parametrize("content", [b'{"url": "http://127.0', None], ids=["half", "unreadable"])
def test_a_connection_file_that_cannot_be_read_is_told_and_the_port_is_the_usual_one(
    tmp_path: Path, taken: None, content: bytes | None
) -> None:
    path = tmp_path / "connection.json"
    if content is None:
        path.symlink_to("/proc/self/mem")  # its beginning can be read by nobody
    else:
        path.write_bytes(content)
    command = [sys.executable, "-m", "northstar", "up", "--state", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0
    assert f"connection.json can't be read; the port is {DEFAULT_PORT} again" in done.stderr
    assert f"Port {DEFAULT_PORT} on 127.0.0.1 is taken" in done.stderr
    assert "Traceback" not in done.stderr
