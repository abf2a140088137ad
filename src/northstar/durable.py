"""Atomic, durable file writes: when a function here returns, the complete file is on disk under its
final name; whoever reads meanwhile, or after a crash, finds no half of it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_USUAL = 0o666  # less what the process's umask takes away
PRIVATE = 0o600
"""The mode of a file for its owner alone."""


def replace_file(path: Path, text: str, mode: int = _USUAL) -> None:
    """Write a file in place of the one that is there, if there is one."""
    with _written(path, text, mode) as whole:
        whole.replace(path)


def create_file(path: Path, text: str, mode: int = _USUAL) -> bool:
    """Write a file unless there is one already; whether it was written.

    Of several processes that try, one does.
    """
    with _written(path, text, mode) as whole:
        try:
            path.hardlink_to(whole)
        except FileExistsError:
            return False
        return True


def synchronise(path: Path) -> None:
    """Make a file's content, or the names in a folder, survive a crash of the machine."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _written(path: Path, text: str, mode: int) -> Iterator[Path]:
    """The text on disk under another name, until its own is in the folder."""
    half = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    half.unlink(missing_ok=True)
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield half
    finally:
        half.unlink(missing_ok=True)
    synchronise(path.parent)
