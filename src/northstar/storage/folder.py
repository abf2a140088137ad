"""A store in a local folder: the default, which needs no library."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from northstar.durable import synchronise
from northstar.errors import Invalid, NotFound
from northstar.storage.errors import AlreadyThere

_UNFINISHED = ".unfinished"
_CHUNK_BYTES = 1 << 18


class LocalFolder:
    """The ``ObjectStore`` port on a folder; names are paths below it.

    Args:
        root: the folder; need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, name: str, content: bytes | Path, *, new: bool = False) -> None:
        path = self._path(name)
        new_folders = [each for each in path.parents if not each.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex[:12]}{_UNFINISHED}")
        try:
            _write(unfinished, content)
            if new:
                os.link(unfinished, path)
            else:
                unfinished.replace(path)
        except FileExistsError as error:
            raise AlreadyThere(f"{name} is in {self._root} already.") from error
        finally:
            unfinished.unlink(missing_ok=True)
        for folder in (path.parent, *(each.parent for each in new_folders)):
            synchronise(folder)

    def read(self, name: str) -> Iterator[bytes]:
        try:
            file = self._path(name).open("rb")
        except FileNotFoundError as error:
            raise NotFound(f"{name} is not in {self._root}.") from error
        return _chunks(file)

    def names(self, prefix: str) -> list[str]:
        folder, _, start = prefix.rpartition("/")
        place = self._path(folder) if folder else self._root
        found = _files(place, start)
        return sorted(path.relative_to(self._root).as_posix() for path in found)

    def folders(self, name: str) -> list[str]:
        place = self._path(name) if name else self._root
        return sorted(entry.name for entry in _entries(place) if entry.is_dir())

    def delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        parts = PurePosixPath(name)
        if parts.is_absolute() or ".." in parts.parts or not parts.parts:
            raise Invalid(f"{name!r} is not the name of an object.")
        return self._root / parts


def _write(path: Path, content: bytes | Path) -> None:
    with path.open("wb") as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            with content.open("rb") as source:
                shutil.copyfileobj(source, file, _CHUNK_BYTES)
        file.flush()
        os.fsync(file.fileno())


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _files(folder: Path, start: str) -> Iterator[Path]:
    for entry in _entries(folder):
        if not entry.name.startswith(start) or entry.name.endswith(_UNFINISHED):
            continue
        if entry.is_dir():
            yield from _files(Path(entry.path), "")
        else:
            yield Path(entry.path)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
