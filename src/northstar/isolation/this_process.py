"""What a process that knows secrets does for itself, whoever it runs as."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_DUMPABLE = 4
_OTHERS = 0o077


def hide_secrets() -> None:
    """Close this process's memory, environment and descriptors to others of the same user.

    Without it, code of the same user reads ``/proc/PID/environ`` or attaches as a debugger does
    (``ptrace(2)``, ``PR_SET_DUMPABLE`` in ``prctl(2)``). Programs that it starts are not hidden.
    Only Linux knows this; elsewhere nothing happens.
    """
    if sys.platform.startswith("linux"):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE) failed")


def keep_files_private() -> None:
    """From now on, files that this process makes are for its own user alone."""
    os.umask(_OTHERS)


def private_folder(path: Path) -> None:
    """Make a folder, or close one that others could look into.

    File systems that know no modes (SMB) are left as they are.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.stat().st_mode & _OTHERS:
        with suppress(PermissionError):
            path.chmod(0o700)
