"""What tests need of the registry: an MLflow in memory, and a registration to vary."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from northstar.errors import NotFound
from northstar.names import ProjectRef
from northstar.registry.domain import (
    BaselineCoefficient,
    Column,
    Evidence,
    Lineage,
    Metric,
    VersionRecord,
    VersionRegistration,
)
from northstar.registry.mlflow import ModelSource


class FakeMlflow:
    """An MLflow in memory; ``models`` maps a model's URI to its files, by relative path."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, bytes]] = {}
        self.run_artifacts: dict[tuple[str, str], bytes] = {}
        self.versions: dict[ProjectRef, list[ModelSource]] = {}
        self.aliases: dict[tuple[ProjectRef, str], int] = {}

    def find_model(self, project: ProjectRef, run_id: str, model_uri: str) -> ModelSource:
        if model_uri not in self.models:
            raise NotFound(f"MLflow has no model at {model_uri}.")
        return ModelSource(run_id, model_uri, model_id=None)

    def ensure_version(self, project: ProjectRef, source: ModelSource) -> int:
        versions = self.versions.setdefault(project, [])
        if source not in versions:
            versions.append(source)
        return versions.index(source) + 1

    def download_model(self, project: ProjectRef, source: ModelSource, folder: Path) -> None:
        for name, content in self.models[source.artifact_uri].items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def download_run_artifact(
        self, project: ProjectRef, run_id: str, artifact_path: str, target: Path
    ) -> None:
        if (run_id, artifact_path) not in self.run_artifacts:
            raise NotFound(f"Run {run_id} has no artifact {artifact_path}.")
        target.write_bytes(self.run_artifacts[run_id, artifact_path])

    def set_alias(self, project: ProjectRef, alias: str, version: int) -> None:
        self.aliases[project, alias] = version


def example_registration(**changes: Any) -> VersionRegistration:
    """A registration that meets every standard; ``evidence`` and ``lineage`` may be partial."""
    evidence = example_evidence(**changes.pop("evidence", {}))
    lineage = example_lineage(**changes.pop("lineage", {}))
    fields: dict[str, Any] = {
        "squad": "operations",
        "project": "late-arrival",
        "run_id": "run1",
        "model_uri": "runs:/run1/model",
        "flavor": "lightgbm",
        "task": "binary",
        "columns": [Column(name="hour", type="long"), Column(name="carrier", type="string")],
        "classes": ["0", "1"],
        "evidence": evidence,
        "lineage": lineage,
        "profile": {},
        "monitoring": {},
        **changes,
    }
    return VersionRegistration(**fields)


def example_record(**changes: Any) -> VersionRecord:
    """A registered version that meets every standard."""
    added = {
        "version": changes.pop("version", 1),
        "digest": changes.pop("digest", "sha256:" + "ab" * 32),
        "registered_by": changes.pop("registered_by", "user:anna"),
        "registered_at": changes.pop("registered_at", datetime(2026, 1, 1, tzinfo=UTC)),
    }
    return VersionRecord(**example_registration(**changes).model_dump(), **added)


def example_evidence(**changes: Any) -> Evidence:
    """Evidence of a good binary classifier."""
    fields: dict[str, Any] = {
        "task": "binary",
        "primary_metric": "roc_auc",
        "higher_is_better": True,
        "rows_train": 50_000,
        "rows_test": 10_000,
        "metrics": {"roc_auc": Metric(value=0.70, low=0.69, high=0.71)},
        "baseline": {"roc_auc": Metric(value=0.67, low=0.66, high=0.68)},
        "baseline_difference": Metric(value=0.03, low=0.02, high=0.04),
        "baseline_coefficients": [
            BaselineCoefficient(input="distance", effect=Metric(value=0.8, low=0.7, high=0.9)),
            BaselineCoefficient(input="origin=JFK", effect=Metric(value=-0.1, low=-0.3, high=0.1)),
        ],
        "calibration_error": 0.02,
        "leak_suspects": [],
        "latency_ms_p50": 1.0,
        "latency_ms_p99": 3.0,
        "signature_present": True,
        **changes,
    }
    return Evidence(**fields)


def example_lineage(**changes: Any) -> Lineage:
    """A complete lineage."""
    fields: dict[str, Any] = {
        "commit": "0123456789abcdef",
        "dirty": False,
        "data_digest": "sha256:da",
        "data_rows": 60_000,
        "lock_digest": "sha256:10",
        "parameters": {"leaves": 31},
        "platform_version": "0.1.0",
        "source_digest": "sha256:50",
        "trained_by": "user:anna",
        **changes,
    }
    return Lineage(**fields)
