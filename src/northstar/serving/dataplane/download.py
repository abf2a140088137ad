"""Bringing a model to the endpoint: a tar stream in, a checked folder out."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from io import RawIOBase
from pathlib import Path, PurePosixPath

from northstar.digest import folder_digest
from northstar.serving.errors import ModelBroken

_MOST_BYTES = 20 * 1024**3
_MOST_FILES = 10_000


class _Stream(RawIOBase):
    """Chunks as a file, for ``tarfile``'s streaming mode."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        parts: list[bytes] = []
        wanted = size
        while wanted != 0:
            if not self._left:
                self._left = next(self._chunks, b"")
                if not self._left:
                    break
            part = self._left if wanted < 0 else self._left[:wanted]
            self._left = self._left[len(part) :]
            parts.append(part)
            wanted = wanted if wanted < 0 else wanted - len(part)
        return b"".join(parts)


def unpack_model(chunks: Iterator[bytes], digest: str, target: Path) -> None:
    """Unpack a tar stream to ``target`` if its content has the expected digest.

    Only plain files and folders below ``target`` are accepted; ``target`` appears whole or not at
    all.

    Raises:
        ModelBroken: the stream is no such archive, or another model.
    """
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        with tarfile.open(fileobj=_Stream(chunks), mode="r|") as archive:
            _extract(archive, unfinished)
        found = folder_digest(unfinished)
        if found != digest:
            raise ModelBroken(
                f"The model that arrived has digest {found}, not {digest}.",
                hint="It was changed on the way or in the store; it is not loaded.",
            )
        shutil.rmtree(target, ignore_errors=True)
        unfinished.replace(target)
    except (tarfile.TarError, OSError) as error:
        raise ModelBroken(f"The model {digest} could not be unpacked: {error}.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    total = 0
    for number, member in enumerate(archive):
        name = PurePosixPath(member.name)
        total += member.size
        if name.is_absolute() or ".." in name.parts or not (member.isfile() or member.isdir()):
            raise ModelBroken(f"The archive holds {member.name!r}, which is no file of a model.")
        if number >= _MOST_FILES or total > _MOST_BYTES:
            raise ModelBroken("The archive is too large for a model.")
        path = folder / name
        if member.isdir():
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        content = archive.extractfile(member)
        if content is None:
            raise ModelBroken(f"The archive's {member.name!r} cannot be read.")
        with content, path.open("wb") as file:
            shutil.copyfileobj(content, file, 1 << 20)
