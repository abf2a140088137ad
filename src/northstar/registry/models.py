"""The content-addressed store of registered models: written once by the platform, then read-only.

A promoted model cannot change under its approval, because its folder's name is its digest and
squads cannot write here; MLflow's own copy stays what it was, a record of the run.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from northstar.digest import folder_digest
from northstar.errors import NotFound
from northstar.registry.errors import WrongModel

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_INCOMING = ".incoming-"


class ModelStore:
    """Model folders below ``root``, each named after the hex part of its digest."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def incoming(self) -> Iterator[Path]:
        """An empty folder to receive a model in; removed afterwards unless it was kept."""
        self._root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=_INCOMING, dir=self._root))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep(self, folder: Path) -> str:
        """Make a received model immutable under its digest, which is returned.

        Keeping the same content again changes nothing. Raises ``WrongModel`` if it is no model.
        """
        if not (folder / "MLmodel").is_file():
            raise WrongModel(
                "The run's model folder has no file MLmodel.",
                hint="Log the model with mlflow's log_model, or let `northstar run` log it.",
            )
        digest = folder_digest(folder)
        target = self._root / digest.removeprefix("sha256:")
        if not target.is_dir():
            for path in folder.rglob("*"):
                path.chmod(0o555 if path.is_dir() else 0o444)
            folder.chmod(0o755)
            folder.rename(target)
            target.chmod(0o555)
        return digest

    def folder(self, digest: str) -> Path:
        """The folder of a kept model; raises ``NotFound``."""
        match = _DIGEST.fullmatch(digest)
        folder = self._root / match[1] if match else None
        if folder is None or not folder.is_dir():
            raise NotFound(f"No model with the digest {digest!r} is kept here.")
        return folder
