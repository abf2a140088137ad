"""A machine on which programs can be started as other users: what root has, and nobody else."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.embedded import processes_mentioning

# Where this Python lies below somebody's closed home, it is shown to the other users in a view of
# the file system that only the programs under test have.
_SHOW_PYTHON = """
set -e
mount --bind "$1" "$2"
mount -t tmpfs -o mode=755 tmpfs "$3"
mkdir -p "$1"
mount --bind "$2" "$1"
shift 3
exec "$@"
"""


class Machine:
    """A folder that other users can pass through, and programs that may become those users."""

    def __init__(self) -> None:
        if os.geteuid() != 0:
            pytest.skip("Users of their own were not tested: only root can become other users.")
        self.folder = Path(tempfile.mkdtemp(prefix="northstar-"))
        self.folder.chmod(0o711)
        self.work = self.folder / "work"
        self.work.mkdir(mode=0o711)
        self.prefix = self._prefix()

    def python(self, code: str, *before: str) -> Any:
        """What a program prints, read as JSON.

        Args:
            before: a command that starts it in its turn.
        """
        done = subprocess.run(
            [*self.prefix, *before, sys.executable, "-c", code],
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def close(self) -> None:
        """End what still runs in the folder, and remove everything."""
        for pid in processes_mentioning(str(self.work)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.prefix:
            (self.folder / "python").rmdir()  # raises if it could be seen from here after all
        shutil.rmtree(self.folder)

    def _prefix(self) -> list[str]:
        home = Path(sys.base_prefix)
        above = reversed(home.parents)
        closed = next((each for each in above if not each.stat().st_mode & 0o001), None)
        if closed is None:
            return []
        shown = self.folder / "python"
        shown.mkdir()
        unshare = ["unshare", "--mount", "--propagation", "private"]
        if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
            pytest.skip(f"Users of their own were not tested: {closed} is closed to them.")
        return [*unshare, "sh", "-c", _SHOW_PYTHON, "sh", str(home), str(shown), str(closed)]
