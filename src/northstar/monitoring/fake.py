"""Fakes of the monitor's ports, for its own tests and for those of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from northstar.errors import NorthstarError, NotFound
from northstar.monitoring.actions import RetrainOrder, RollbackOrder
from northstar.names import ProjectRef
from northstar.registry.domain import VersionRecord


class FakeVersions:
    """A registry in memory."""

    def __init__(self) -> None:
        self.records: dict[tuple[ProjectRef, int], VersionRecord] = {}

    def add(self, record: VersionRecord) -> None:
        """Register a version."""
        self.records[record.project_ref, record.version] = record

    def get(self, project: ProjectRef, version: int) -> VersionRecord:
        """One version; raises ``NotFound``."""
        if (project, version) not in self.records:
            raise NotFound(f"{project} has no version {version}.")
        return self.records[project, version]


class FakeActions:
    """Notes orders, each key once; raises ``failure`` where one is set."""

    def __init__(self) -> None:
        self.retrainings: dict[str, RetrainOrder] = {}
        self.rollbacks: dict[str, RollbackOrder] = {}
        self.failure: NorthstarError | None = None

    def retrain(self, order: RetrainOrder) -> str:
        """Note a retraining."""
        if self.failure:
            raise self.failure
        self.retrainings[order.key] = order
        return f"job {len(self.retrainings)}"

    def rollback(self, order: RollbackOrder) -> str:
        """Note a rollback."""
        if self.failure:
            raise self.failure
        self.rollbacks[order.key] = order
        return f"rolled back from {order.version}"


class FakeWebhooks:
    """Notes deliveries, each key once; raises ``failure`` where one is set."""

    def __init__(self) -> None:
        self.sent: dict[str, tuple[str, dict[str, Any]]] = {}
        self.attempts = 0
        self.failure: NorthstarError | None = None

    def send(self, url: str, payload: Mapping[str, Any], key: str) -> None:
        """Note a delivery."""
        self.attempts += 1
        if self.failure:
            raise self.failure
        self.sent[key] = (url, dict(payload))
