"""The SDK's view of environments and their freezes."""

from __future__ import annotations

from datetime import datetime

from northstar.connection import Connection
from northstar.environments.domain import (
    Environment,
    EnvironmentReport,
    EnvironmentStatus,
    ReportKind,
    StoredReport,
)
from northstar.environments.freezes import Freeze
from northstar.names import EnvironmentName, ProjectRef


class EnvironmentsClient:
    """Environments and what is reported of them, over the HTTP API."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def environments(self) -> list[EnvironmentStatus]:
        """All environments as they stand."""
        answer = self._connection.get("/api/environments")
        return [EnvironmentStatus.model_validate(one) for one in answer]

    def status(self, name: EnvironmentName) -> EnvironmentStatus:
        """One environment as it stands."""
        answer = self._connection.get(f"/api/environments/{name}/status")
        return EnvironmentStatus.model_validate(answer)

    def set(self, environment: Environment) -> Environment:
        """Say whose an environment is, where it runs, and so on; raises ``Denied``, ``Invalid``."""
        path = f"/api/environments/{environment.name}"
        body = environment.model_dump(mode="json", exclude={"name"})
        return Environment.model_validate(self._connection.request("PUT", path, json=body))

    def report(self, report: EnvironmentReport) -> StoredReport:
        """Tell what a command found or did; the same report again is the one that is kept.

        Raises ``Denied``, ``Invalid``, ``Unavailable``.
        """
        path = f"/api/environments/{report.environment}/reports"
        body = report.model_dump(mode="json", exclude={"environment"})
        return StoredReport.model_validate(self._connection.post(path, body))

    def reports(
        self, name: EnvironmentName, kind: ReportKind | None = None, limit: int = 20
    ) -> list[StoredReport]:
        """What was reported of an environment, newest first; raises ``Denied``."""
        path = f"/api/environments/{name}/reports"
        answer = self._connection.get(path, kind=kind, limit=limit)
        return [StoredReport.model_validate(one) for one in answer]


class FreezesClient:
    """Release freezes, over the HTTP API."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def freezes(
        self, environment: EnvironmentName | None = None, *, ended: bool = False
    ) -> list[Freeze]:
        """Freezes by their beginning; ``ended`` ones too."""
        answer = self._connection.get(
            "/api/freezes", environment=environment, ended=str(ended).lower()
        )
        return [Freeze.model_validate(one) for one in answer]

    def freeze(self, number: int) -> Freeze:
        """One freeze; raises ``NotFound``."""
        return Freeze.model_validate(self._connection.get(f"/api/freezes/{number}"))

    def set(
        self,
        environment: EnvironmentName,
        reason: str,
        ends_at: datetime,
        starts_at: datetime | None = None,
        squad: str | None = None,
    ) -> Freeze:
        """Freeze an environment; raises ``Denied``, ``Invalid``, ``NotFound`` for the squad."""
        body = {
            "environment": environment,
            "squad": squad,
            "reason": reason,
            "starts_at": starts_at.isoformat() if starts_at else None,
            "ends_at": ends_at.isoformat(),
        }
        return Freeze.model_validate(self._connection.post("/api/freezes", body))

    def change(
        self,
        number: int,
        reason: str | None = None,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
    ) -> Freeze:
        """Give a freeze another reason, beginning or end; raises ``Denied``, ``Invalid``."""
        body = {
            "reason": reason,
            "starts_at": starts_at.isoformat() if starts_at else None,
            "ends_at": ends_at.isoformat() if ends_at else None,
        }
        path = f"/api/freezes/{number}"
        return Freeze.model_validate(self._connection.patch(path, body))

    def lift(self, number: int) -> None:
        """End a freeze now, or take back one to come; raises ``Denied``, ``NotFound``."""
        self._connection.delete(f"/api/freezes/{number}")

    def exempt(self, number: int, project: ProjectRef, reason: str, hours: float) -> Freeze:
        """Let one project release in spite of a freeze; raises ``Denied``, ``Invalid``."""
        body = {"project": str(project), "reason": reason, "hours": hours}
        path = f"/api/freezes/{number}/exemptions"
        return Freeze.model_validate(self._connection.post(path, body))
