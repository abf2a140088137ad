"""The SDK's view of squads and projects."""

from __future__ import annotations

from northstar.connection import Connection
from northstar.names import ProjectRef
from northstar.project.squads import Project, Squad


class ProjectClient:
    """Squads and projects, over the HTTP API."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create_squad(self, name: str, description: str = "") -> Squad:
        """Make a squad; raises ``Invalid``, ``Conflict``, ``Denied``."""
        body = {"name": name, "description": description}
        return Squad.model_validate(self._connection.post("/api/squads", body))

    def describe_squad(self, name: str, description: str) -> Squad:
        """Say anew what a squad is about; raises ``NotFound``, ``Denied``."""
        body = {"description": description}
        answer = self._connection.request("PATCH", f"/api/squads/{name}", json=body)
        return Squad.model_validate(answer)

    def squads(self) -> list[Squad]:
        """All squads, by name."""
        return [Squad.model_validate(squad) for squad in self._connection.get("/api/squads")]

    def create_project(self, ref: ProjectRef, description: str = "") -> Project:
        """Make a project; raises ``Invalid``, ``NotFound`` for the squad, ``Conflict``."""
        body = {"name": ref.project, "description": description}
        answer = self._connection.post(f"/api/squads/{ref.squad}/projects", body)
        return Project.model_validate(answer)

    def describe_project(self, ref: ProjectRef, description: str) -> Project:
        """Say anew what a project is about; raises ``NotFound``, ``Denied``."""
        body = {"description": description}
        answer = self._connection.request("PATCH", ref.path, json=body)
        return Project.model_validate(answer)

    def projects(self, squad: str) -> list[Project]:
        """A squad's projects, by name."""
        answer = self._connection.get(f"/api/squads/{squad}/projects")
        return [Project.model_validate(project) for project in answer]

    def project(self, ref: ProjectRef) -> Project:
        """One project; raises ``NotFound``."""
        return Project.model_validate(self._connection.get(ref.path))
