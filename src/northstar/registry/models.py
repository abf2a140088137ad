"""The content-addressed store of registered models: written once by the platform, then read-only.

A promoted model cannot change under its approval, because its name is its digest, nothing that has
a name is ever written again, and squads cannot write here; MLflow's own copy stays what it was, a
record of the run. Who receives a model checks its digest.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from northstar.digest import folder_digest
from northstar.durable import synchronise
from northstar.errors import NotFound
from northstar.registry.archive import tar_stream
from northstar.registry.errors import WrongModel
from northstar.storage.errors import AlreadyThere
from northstar.storage.interface import ObjectStore

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_INCOMING = ".incoming-"
_ABANDONED_SECONDS = 24 * 3600.0


class ModelStore(Protocol):
    """Models by their digests; safe to share between threads, processes and replicas."""

    def incoming(self) -> AbstractContextManager[Path]:
        """An empty folder to receive a model in; removed afterwards unless it was kept."""
        ...

    def keep(self, folder: Path) -> str:
        """Make a received model immutable under its digest, which is returned.

        Keeping the same content again changes nothing. Raises ``WrongModel`` if it is no model.
        """
        ...

    def archive(self, digest: str) -> Iterator[bytes]:
        """A kept model as a tar stream; raises ``NotFound`` at once."""
        ...


class ModelFolders:
    """Models as folders below ``root``, each named after the hex part of its digest."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def incoming(self) -> AbstractContextManager[Path]:
        return _empty_folder(self._root)

    def keep(self, folder: Path) -> str:
        digest = _model_digest(folder)
        target = self._root / _hex(digest)
        if not target.is_dir():
            for path in folder.rglob("*"):
                path.chmod(0o555 if path.is_dir() else 0o444)
                synchronise(path)
            synchronise(folder)  # before it has its name: what has one is whole, or never will be
            try:
                folder.rename(target)
            except OSError:
                if not target.is_dir():  # then it was not another replica that kept it meanwhile
                    raise
            target.chmod(0o555)
            synchronise(self._root)
        return digest

    def archive(self, digest: str) -> Iterator[bytes]:
        folder = self._root / _hex(digest)
        if not folder.is_dir():
            raise _not_kept(digest)
        return tar_stream(folder)


class ModelArchives:
    """Models as tar archives in a store of objects, each named after its digest.

    An archive is one object: it is there as a whole or not at all, and of replicas that keep the
    same model at once, the store lets one.

    Args:
        scratch: a local folder to receive models in.
    """

    def __init__(self, store: ObjectStore, scratch: Path) -> None:
        self._store = store
        self._scratch = scratch

    def incoming(self) -> AbstractContextManager[Path]:
        return _empty_folder(self._scratch)

    def keep(self, folder: Path) -> str:
        digest = _model_digest(folder)
        name = _archive_name(digest)
        if name in self._store.names(name):
            return digest
        with tempfile.NamedTemporaryFile(dir=self._scratch, prefix=_INCOMING) as archive:
            for chunk in tar_stream(folder):
                archive.write(chunk)
            archive.flush()
            with suppress(AlreadyThere):  # then another replica kept the same content meanwhile
                self._store.put(name, Path(archive.name), new=True)
        return digest

    def archive(self, digest: str) -> Iterator[bytes]:
        try:
            return self._store.read(_archive_name(digest))
        except NotFound as error:
            raise _not_kept(digest) from error


@contextmanager
def _empty_folder(root: Path) -> Iterator[Path]:
    root.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(root)
    folder = Path(tempfile.mkdtemp(prefix=_INCOMING, dir=root))
    try:
        yield folder
    finally:
        _remove(folder)


def _remove_abandoned(root: Path) -> None:
    """Remove what processes left that were killed while they received or packed a model."""
    oldest = time.time() - _ABANDONED_SECONDS
    for left in root.glob(f"{_INCOMING}*"):
        with suppress(OSError):  # another replica is at it, too
            if left.stat().st_mtime < oldest:
                _remove(left)


def _remove(path: Path) -> None:
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for folder in (each for each in path.rglob("*") if each.is_dir() and not each.is_symlink()):
        folder.chmod(0o700)  # it was made read-only, as another replica kept the same
    shutil.rmtree(path, ignore_errors=True)


def _model_digest(folder: Path) -> str:
    if not (folder / "MLmodel").is_file():
        raise WrongModel(
            "The run's model folder has no file MLmodel.",
            hint="Log the model with mlflow's log_model, or let `northstar run` log it.",
        )
    return folder_digest(folder)


def _archive_name(digest: str) -> str:
    return f"{_hex(digest)}.tar"


def _hex(digest: str) -> str:
    match = _DIGEST.fullmatch(digest)
    if match is None:
        raise _not_kept(digest)
    return match[1]


def _not_kept(digest: str) -> NotFound:
    return NotFound(f"No model with the digest {digest!r} is kept here.")
