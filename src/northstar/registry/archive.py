"""A folder as a tar stream, whatever its size, in memory of one chunk."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

_CHUNK_BYTES = 1 << 18


def tar_stream(folder: Path) -> Iterator[bytes]:
    """The files below ``folder`` as a tar archive; names and contents only, no owners or dates."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        member = tarfile.TarInfo(path.relative_to(folder).as_posix())
        member.size = path.stat().st_size
        yield member.tobuf(tarfile.PAX_FORMAT)
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
        yield bytes(-member.size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)
