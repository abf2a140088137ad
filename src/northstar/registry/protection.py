"""What in MLflow must stay as it is, because a version was registered of it."""

from __future__ import annotations

from northstar.database import Database
from northstar.names import ProjectRef
from northstar.registry import store

_REASON = "a version was registered of it"


class RegisteredVersions:
    """The ``Protected`` port of the MLflow door, answered from the registry's own table.

    Registered versions, the models that they belong to, and the artifacts that they were made of
    are a record; the models that serve are safe in the platform's own store in any case.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def experiments(self, squad: str) -> str:
        """Why a squad's experiments may not be renamed or deleted; empty if they may.

        In which of them a version's run is, MLflow alone knows: one version protects them all.
        """
        with self._database.read() as connection:
            found = store.has_any_version(connection, squad)
        return "versions are registered of the squad's runs" if found else ""

    def model(self, squad: str, model: str) -> str:
        """Why a registered model may not be renamed or deleted; empty if it may."""
        with self._database.read() as connection:
            found = store.has_versions(connection, ProjectRef(squad, model))
        return _REASON if found else ""

    def version(self, squad: str, model: str, version: str) -> str:
        """Why a model version may not be deleted; empty if it may."""
        if not version.isdecimal():
            return ""
        with self._database.read() as connection:
            found = store.version_numbered(connection, ProjectRef(squad, model), int(version))
        return "it is registered" if found else ""

    def artifacts(self, squad: str, owner: str) -> str:
        """Why the artifacts of a run or a logged model may not be written; empty if they may."""
        with self._database.read() as connection:
            found = store.is_made_of(connection, squad, owner)
        return _REASON if found else ""
