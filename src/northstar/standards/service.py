"""Holding registered versions against the company's standards."""

from __future__ import annotations

from collections.abc import Sequence

from northstar.names import EnvironmentName, ProjectRef
from northstar.registry.domain import VersionRecord
from northstar.registry.service import RegistryService
from northstar.standards.domain import (
    Parameters,
    Standard,
    StandardText,
    Verdict,
    describe,
    gate,
)
from northstar.standards.rules import STANDARDS


class StandardsService:
    """The standards with their thresholds in force; both are the platform's, not the squads'."""

    def __init__(
        self,
        registry: RegistryService,
        parameters: Parameters | None = None,
        standards: Sequence[Standard] = STANDARDS,
    ) -> None:
        self._registry = registry
        self._parameters = parameters or Parameters()
        self._standards = standards

    def texts(self) -> list[StandardText]:
        """Every standard as people read it."""
        return [describe(standard, self._parameters) for standard in self._standards]

    def gate(self, project: ProjectRef, version: int, environment: EnvironmentName) -> Verdict:
        """Hold a version against an environment's standards; raises ``NotFound``."""
        record = self._registry.get(project, version)
        live = self._registry.aliases(project).get(environment)
        return self.judge(record, environment, live)

    def judge(
        self, record: VersionRecord, environment: EnvironmentName, live_version: int | None
    ) -> Verdict:
        """The verdict on a version, given which version is live in the environment."""
        return gate(record, self._standards, environment, self._parameters, live_version)
