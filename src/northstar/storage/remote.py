"""A store that fsspec reaches: Azure Blob, S3, Google Cloud Storage, or memory for tests.

What fsspec's file systems have in common is used, and nothing else: bytes are put in one request
or as blocks that become an object when they are committed, and ``mode="create"`` is the store's
own condition that nothing of the name is there (``If-None-Match: *``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from northstar.errors import NorthstarError, NotFound
from northstar.storage.errors import AlreadyThere, StoreMissing, StoreRefused, StoreUnavailable

_PIECE_BYTES = 4 << 20
_PATIENCE_SECONDS = 20.0
_SLOWEST_BYTES_PER_SECOND = 256 << 10
_LONGEST_LIST_BYTES = 64 << 20
_NOT_LET_IN = (401, 403)
_NO_PLACE = ("ContainerNotFound", "NoSuchBucket", "ResourceNotFound")


class RemoteStore:
    """The ``ObjectStore`` port on a file system of fsspec.

    Args:
        filesystem: an ``fsspec.AbstractFileSystem`` that keeps no listings.
        root: container (bucket) and prefix, without a slash at the end.
        place: its address, for messages.
        role: what a person grants when this process is not let in.
    """

    def __init__(self, filesystem: Any, root: str, place: str, role: str) -> None:
        self._fs = filesystem
        self._root = root
        self._place = place
        self._role = role

    def put(self, name: str, content: bytes | Path, *, new: bool = False) -> None:
        mode = "create" if new else "overwrite"
        path, size = f"{self._root}/{name}", _size(content)
        with self._telling(name, missing=StoreMissing):
            if isinstance(content, bytes):
                self._fs.pipe_file(path, content, mode=mode, **self._patience(size))
            else:
                self._fs.put_file(str(content), path, mode=mode, **self._patience(size))

    def read(self, name: str) -> Iterator[bytes]:
        return self._pieces(name, self._piece(name, 0))

    def names(self, prefix: str) -> list[str]:
        folder, _, start = f"{self._root}/{prefix}".rpartition("/")
        with self._telling(prefix):
            # Some file systems know nothing of prefixes, and give the whole folder.
            only = {"prefix": start} if start else {}
            found = self._fs.find(folder, **only, **self._patience(_LONGEST_LIST_BYTES))
        names = [path.removeprefix("/").removeprefix(f"{self._root}/") for path in found]
        return sorted(name for name in names if name.startswith(prefix))

    def folders(self, name: str) -> list[str]:
        path = f"{self._root}/{name}" if name else self._root
        try:
            with self._telling(name):
                entries = self._fs.ls(path, detail=True, **self._patience())
        except NotFound:
            return []
        found = {
            entry["name"].rstrip("/").rpartition("/")[2]
            for entry in entries
            if entry["type"] == "directory"
        }
        return sorted(found)

    def delete(self, name: str) -> None:
        with self._telling(name):
            try:
                self._fs.rm_file(f"{self._root}/{name}", **self._patience())
            except FileNotFoundError:
                return

    def _pieces(self, name: str, piece: bytes) -> Iterator[bytes]:
        """What is small comes with one request, what is large with one for each piece."""
        yield piece
        if len(piece) < _PIECE_BYTES:
            return
        with self._telling(name):
            size = self._fs.info(f"{self._root}/{name}", **self._patience())["size"]
        for start in range(_PIECE_BYTES, size, _PIECE_BYTES):
            yield self._piece(name, start)

    def _piece(self, name: str, start: int) -> bytes:
        with self._telling(name):
            piece: bytes = self._fs.cat_file(
                f"{self._root}/{name}", start, start + _PIECE_BYTES, **self._patience(_PIECE_BYTES)
            )
        return piece

    def _patience(self, size: int = 0) -> dict[str, float]:
        """How long fsspec is to wait; without it, Azure's library tries for a minute and a half."""
        if not self._fs.async_impl:
            return {}
        return {"timeout": _PATIENCE_SECONDS + size / _SLOWEST_BYTES_PER_SECOND}

    @contextmanager
    def _telling(self, name: str, missing: type[NorthstarError] = NotFound) -> Iterator[None]:
        """Say what a library's error means."""
        try:
            yield
        except FileExistsError as error:
            raise AlreadyThere(f"{name} is in {self._place} already.") from error
        except FileNotFoundError as error:
            if missing is NotFound:
                raise NotFound(f"{name} is not in {self._place}.") from error
            raise self._no_place() from error
        except Exception as error:
            raise self._explained(error) from error

    def _explained(self, error: Exception) -> NorthstarError:
        status, code = getattr(error, "status_code", None), getattr(error, "error_code", "")
        if str(getattr(code, "value", code)) in _NO_PLACE:
            return self._no_place()
        # No status: the library found nobody to be, and has not asked the store at all.
        nobody = type(error).__name__ in ("ClientAuthenticationError", "CredentialUnavailableError")
        if status in _NOT_LET_IN or nobody or isinstance(error, PermissionError):
            return StoreRefused(
                f"{self._place} does not let this process in ({_said(error)}).", hint=self._role
            )
        return StoreUnavailable(
            f"{self._place} did not do what it was asked ({_said(error)}).",
            hint="Does it answer from this machine, and has this process an identity (the log says "
            "what was tried)? The call may succeed later.",
        )

    def _no_place(self) -> StoreMissing:
        container = self._root.partition("/")[0]
        return StoreMissing(
            f"{self._place}: there is no container {container}.",
            hint="Make it (the Terraform modules do), or correct the address.",
        )


def _size(content: bytes | Path) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _said(error: Exception) -> str:
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0][:300]}" if said else type(error).__name__
