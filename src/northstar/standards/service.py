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
from northstar.standards.store import ParameterStore


class StandardsService:
    """The standards with their thresholds in force; both are the platform's, not the squads'."""

    def __init__(
        self,
        registry: RegistryService,
        parameters: ParameterStore,
        standards: Sequence[Standard] = STANDARDS,
    ) -> None:
        self._registry = registry
        self._parameters = parameters
        self._standards = standards

    def texts(self) -> list[StandardText]:
        """Every standard as people read it."""
        in_force = self.parameters()
        return [describe(standard, in_force) for standard in self._standards]

    def parameters(self) -> Parameters:
        """The thresholds in force."""
        return self._parameters.read()

    def set_parameters(self, parameters: Parameters, by: str) -> Parameters:
        """Put other thresholds in force; gates from now on go by them."""
        self._parameters.write(parameters, by)
        return self.parameters()

    def reset_parameters(self, by: str) -> None:
        """Put the shipped thresholds in force."""
        self._parameters.clear(by)

    def gate(self, project: ProjectRef, version: int, environment: EnvironmentName) -> Verdict:
        """Hold a version against an environment's standards; raises ``NotFound``."""
        record = self._registry.get(project, version)
        live = self._registry.aliases(project).get(environment)
        return self.judge(record, environment, live)

    def judge(
        self, record: VersionRecord, environment: EnvironmentName, live_version: int | None
    ) -> Verdict:
        """The verdict on a version, given which version is live in the environment."""
        return gate(record, self._standards, environment, self.parameters(), live_version)
