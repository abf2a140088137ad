"""The SDK's view of the standards and the gate."""

from __future__ import annotations

from northstar.connection import Connection
from northstar.names import EnvironmentName, ProjectRef
from northstar.standards.domain import Parameters, StandardText, Verdict


class StandardsClient:
    """The standards and the gate, over the HTTP API."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def standards(self) -> list[StandardText]:
        """Every standard as people read it."""
        return [StandardText.model_validate(one) for one in self._connection.get("/api/standards")]

    def parameters(self) -> Parameters:
        """The thresholds in force."""
        return Parameters.model_validate(self._connection.get("/api/standards/parameters"))

    def set_parameters(self, parameters: Parameters) -> Parameters:
        """Put other thresholds in force; raises ``Invalid``, ``Denied``."""
        body = parameters.model_dump(mode="json")
        answer = self._connection.request("PUT", "/api/standards/parameters", json=body)
        return Parameters.model_validate(answer)

    def gate(
        self, project: ProjectRef, version: int, environment: EnvironmentName = "prod"
    ) -> Verdict:
        """Hold a version against an environment's standards; raises ``NotFound``."""
        path = f"{project.path}/versions/{version}/gate?environment={environment}"
        return Verdict.model_validate(self._connection.post(path))
