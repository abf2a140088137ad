"""Where models, captures and MLflow's artifacts are kept, and how a place becomes a store."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from northstar.storage import azure
from northstar.storage.errors import StoreWrong
from northstar.storage.folder import LocalFolder
from northstar.storage.interface import ObjectStore
from northstar.storage.remote import RemoteStore

SQUAD = "{squad}"
"""What stands in the captures' place where each squad has a container of its own."""

_AZURE = ("abfs", "abfss", "az")
_MLFLOW_AS_IT_IS = ("s3", "gs")
_LIBRARIES = {
    **dict.fromkeys(_AZURE, ("adlfs", "northstar-mlops[azure]")),
    "s3": ("s3fs", "s3fs"),
    "gs": ("gcsfs", "gcsfs"),
    "memory": ("fsspec", "fsspec"),
}
"""The library for each kind of address, and what to install."""
_PROBE = ".northstar-probe"


@dataclass(frozen=True)
class Places:
    """Folders, or addresses such as ``abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX``.

    Args:
        captures: may have ``{squad}`` in it.
    """

    models: str
    captures: str
    mlflow_artifacts: str

    @classmethod
    def below(cls, root: str) -> Places:
        """All three below one folder or address."""
        base = root.rstrip("/")
        return cls(f"{base}/models", f"{base}/captures", f"{base}/mlflow-artifacts")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], state: Path) -> Places:
        """``NORTHSTAR_STORE``, or else the state folder; each place can be set by itself:
        ``NORTHSTAR_MODELS``, ``NORTHSTAR_CAPTURES``, ``NORTHSTAR_MLFLOW_ARTIFACTS``.

        Raises ``StoreWrong`` for what cannot be an address.
        """
        usual = cls.below(environ.get("NORTHSTAR_STORE") or str(state))
        places = cls(
            environ.get("NORTHSTAR_MODELS") or usual.models,
            environ.get("NORTHSTAR_CAPTURES") or usual.captures,
            environ.get("NORTHSTAR_MLFLOW_ARTIFACTS") or usual.mlflow_artifacts,
        )
        for place in (places.models, places.mlflow_artifacts):
            if SQUAD in place:
                raise StoreWrong(
                    f"{place}: only captures can have a place for each squad.",
                    hint=f"Write {SQUAD} in NORTHSTAR_CAPTURES alone.",
                )
        return places


class SquadStores:
    """The stores of a place: one for each squad if ``{squad}`` is in it, otherwise one for all.

    Raises ``StoreWrong`` at once for an address that cannot work.
    """

    def __init__(self, place: str, environ: Mapping[str, str] | None = None) -> None:
        self._place = place
        self._environ = os.environ if environ is None else environ
        self._stores: dict[str, ObjectStore] = {}
        check_place(place, self._environ)

    def of(self, squad: str) -> ObjectStore:
        """The store of a squad; asks nothing of it yet."""
        place = self._place.replace(SQUAD, squad)
        if place not in self._stores:
            self._stores[place] = open_store(place, self._environ)
        return self._stores[place]


def local_folder(place: str) -> Path | None:
    """The folder that a place is; ``None`` for an address elsewhere."""
    scheme, separator, rest = place.partition("://")
    if not separator:
        return Path(place).resolve()
    return Path(rest).resolve() if scheme == "file" else None


def open_store(place: str, environ: Mapping[str, str] | None = None) -> ObjectStore:
    """The store at a place; asks nothing of it yet.

    Raises ``StoreWrong`` for an address that cannot work, or whose library is not installed.
    """
    if folder := local_folder(place):
        return LocalFolder(folder)
    env = os.environ if environ is None else environ
    check_place(place, env)
    scheme = place.partition("://")[0]
    if scheme in _AZURE:
        address = azure.read_address(place)
        options = azure.adlfs_options(address, env)
        role = azure.role_to_give(address, env)
        return RemoteStore(_filesystem(scheme, options), address.path, place, role)
    parts = urlsplit(place)
    root = f"{parts.netloc}{parts.path}".strip("/")
    role = f"Let this process read, write and delete objects in {root}."
    return RemoteStore(_filesystem(scheme, {}), root, place, role)


def check_place(place: str, environ: Mapping[str, str]) -> None:
    """Raise ``StoreWrong`` for an address that cannot work, or whose library is not installed.

    Nothing is imported and nobody is asked.
    """
    scheme, separator, _ = place.partition("://")
    if not separator or scheme == "file":
        return
    if scheme not in _LIBRARIES:
        known = ", ".join(f"{name}://" for name in _LIBRARIES)
        raise StoreWrong(
            f"{place}: {scheme}:// is not a kind of store that is known here.",
            hint=f"Use a folder, or one of {known}.",
        )
    library, package = _LIBRARIES[scheme]
    if find_spec(library) is None:
        raise StoreWrong(
            f"Stores at {scheme}:// need {library}, which is not installed.",
            hint=f"pip install '{package}'",
        )
    if scheme in _AZURE:
        azure.adlfs_options(azure.read_address(place.replace(SQUAD, "squad")), environ)


def check_store(store: ObjectStore) -> None:
    """Write, read and remove a small object; raises what keeps this process from doing so."""
    name = f"{_PROBE}-{uuid.uuid4().hex[:12]}"
    store.put(name, b"northstar")
    b"".join(store.read(name))
    store.delete(name)


def mlflow_destination(place: str, environ: Mapping[str, str] | None = None) -> str:
    """A place as MLflow's ``--artifacts-destination`` writes it; raises ``StoreWrong``."""
    if folder := local_folder(place):
        return str(folder)
    scheme = place.partition("://")[0]
    if scheme in _AZURE:
        env = os.environ if environ is None else environ
        return azure.mlflow_destination(azure.read_address(place), env)
    if scheme in _MLFLOW_AS_IT_IS:
        return place
    raise StoreWrong(
        f"MLflow keeps no artifacts at {place}.",
        hint="Set NORTHSTAR_MLFLOW_ARTIFACTS to a folder, or to abfs://…, s3://… or gs://….",
    )


def _filesystem(scheme: str, options: Mapping[str, Any]) -> Any:
    import fsspec  # type: ignore[import-untyped]  # it ships no types

    # Listings are never remembered: what another process wrote must be seen.
    return fsspec.filesystem(scheme, **options, use_listings_cache=False, skip_instance_cache=True)
