"""Files that are on the disk, as a whole and under their name, when a function here returns."""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: Path, text: str) -> None:
    """Write a file in one step: after a crash, too, there is the old text or the new one."""
    half = path.with_name(f".{path.name}.{os.getpid()}.part")
    with half.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
    synchronise(path.parent)


def synchronise(path: Path) -> None:
    """Make a file's content, or the names in a folder, survive a crash of the machine."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
