"""Where models, captures and MLflow's artifacts are kept, and how a place becomes a store."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
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
    **dict.fromkeys(_AZURE, "northstar-mlops[azure]"),
    "s3": "s3fs",
    "gs": "gcsfs",
}
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
    library = _LIBRARIES.get(scheme)
    try:
        import fsspec  # type: ignore[import-untyped]  # it ships no types

        found = fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        raise StoreWrong(
            f"Stores at {scheme}:// need a library that is not installed.",
            hint=f"pip install '{library or 'northstar-mlops[azure]'}'",
        ) from error
    except ValueError as error:
        known = ", ".join(f"{name}://" for name in _LIBRARIES)
        raise StoreWrong(
            f"{scheme}:// is not a kind of store.", hint=f"Use a folder, or one of {known}."
        ) from error
    # Listings are never remembered: what another process wrote must be seen.
    return found(**options, use_listings_cache=False, skip_instance_cache=True)
