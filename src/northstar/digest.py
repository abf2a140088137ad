"""Content digests: the same files give the same text, whatever their dates, owners or order."""

from __future__ import annotations

import hashlib
from pathlib import Path

_CHUNK = 1 << 20


def file_digest(path: Path) -> str:
    """SHA-256 of one file's content, as ``sha256:<hex>``."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"


def folder_digest(folder: Path) -> str:
    """SHA-256 over the sorted relative paths and contents of all files below ``folder``.

    Symbolic links are refused (``ValueError``): they could point at content that the digest
    does not cover.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*"), key=lambda p: p.relative_to(folder).as_posix()):
        if path.is_symlink():
            raise ValueError(f"{path.relative_to(folder)} is a symbolic link")
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            digest.update(f"{name}\0{file_digest(path)}\n".encode())
    return f"sha256:{digest.hexdigest()}"
