"""The SDK's view of model versions."""

from __future__ import annotations

from northstar.connection import Connection
from northstar.names import EnvironmentName, ProjectRef
from northstar.registry.domain import (
    LineageView,
    VersionRecord,
    VersionRegistration,
    VersionSummary,
)


class RegistryClient:
    """Model versions, over the HTTP API."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def register(self, registration: VersionRegistration) -> VersionRecord:
        """Register what a run produced; a run registers one version, however often it asks."""
        path = f"{registration.project_ref.path}/versions"
        body = registration.model_dump(mode="json")
        return VersionRecord.model_validate(self._connection.post(path, body))

    def versions(self, project: ProjectRef) -> list[VersionSummary]:
        """All versions of a project, newest first."""
        answer = self._connection.get(f"{project.path}/versions")
        return [VersionSummary.model_validate(one) for one in answer]

    def version(self, project: ProjectRef, version: int) -> VersionRecord:
        """One version in full; raises ``NotFound``."""
        answer = self._connection.get(f"{project.path}/versions/{version}")
        return VersionRecord.model_validate(answer)

    def lineage(self, project: ProjectRef, version: int) -> LineageView:
        """Where a version came from and where it went; raises ``NotFound``."""
        answer = self._connection.get(f"{project.path}/versions/{version}/lineage")
        return LineageView.model_validate(answer)

    def aliases(self, project: ProjectRef) -> dict[EnvironmentName, int]:
        """The live version of each environment that has one."""
        answer: dict[EnvironmentName, int] = self._connection.get(f"{project.path}/aliases")
        return answer
