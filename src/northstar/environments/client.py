"""The SDK's view of environments."""

from __future__ import annotations

from northstar.connection import Connection
from northstar.environments.domain import EnvironmentReport, StoredReport


class EnvironmentsClient:
    """Environments and what is reported of them, over the HTTP API."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def report(self, report: EnvironmentReport) -> StoredReport:
        """Tell what a command found or did; the same report again is the one that is kept.

        Raises ``Denied``, ``Invalid``, ``Unavailable``.
        """
        path = f"/api/environments/{report.environment}/reports"
        body = report.model_dump(mode="json", exclude={"environment"})
        return StoredReport.model_validate(self._connection.post(path, body))
