"""What the monitor needs to know of a model version, taken from its record in the registry."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

from pydantic import ValidationError

from northstar.errors import NotFound
from northstar.monitoring.reference import MetricReference, Reference
from northstar.names import ProjectRef
from northstar.project.domain import MonitoringConfig
from northstar.registry.domain import VersionRecord

log = logging.getLogger(__name__)


class Versions(Protocol):
    """Where version records come from; ``RegistryService`` is one."""

    def get(self, project: ProjectRef, version: int) -> VersionRecord:
        """One version; raises ``NotFound``, or ``Unavailable``: ask again later."""
        ...


@dataclass(frozen=True)
class WatchedVersion:
    """A version as the monitor sees it; without a reference it can only be counted."""

    version: int
    reference: Reference | None
    config: MonitoringConfig
    task: str
    metric: str
    classes: Sequence[str]

    @cached_property
    def _indices(self) -> dict[str, float]:
        return {_canonical(name): float(index) for index, name in enumerate(self.classes)}

    @property
    def performance(self) -> MetricReference | None:
        """What is known of the primary metric from the version's making."""
        return self.reference.performance if self.reference else None

    def truth(self, label: object) -> float:
        """A label as ``northstar.metrics`` takes it: the value, or the class's index.

        Raises ``ValueError`` with the reason if it is not one of this version's.
        """
        if self.task == "regression":
            return _value(label)
        index = self._indices.get(_canonical(label))
        if index is not None:
            return index
        raise ValueError(f"{label!r} is not one of the classes {', '.join(self.classes)}")


class WatchedVersions:
    """Looks versions up once; records never change."""

    def __init__(self, versions: Versions) -> None:
        self._versions = versions
        self._known: dict[tuple[ProjectRef, int], WatchedVersion] = {}

    def get(self, project: ProjectRef, version: int) -> WatchedVersion:
        """A version; one that the registry does not know has no reference."""
        known = self._known.get((project, version))
        if known is None:
            known = self._known[project, version] = self._look_up(project, version)
        return known

    def _look_up(self, project: ProjectRef, version: int) -> WatchedVersion:
        try:
            record = self._versions.get(project, version)
        except NotFound:
            log.warning("%s has captures of version %d, which is not registered", project, version)
            return WatchedVersion(version, None, MonitoringConfig(), "regression", "rmse", ())
        classes = record.classes or (["0", "1"] if record.task == "binary" else [])
        return WatchedVersion(
            version=version,
            reference=_reference(record),
            config=MonitoringConfig.model_validate(record.monitoring),
            task=record.task,
            metric=record.evidence.primary_metric,
            classes=tuple(classes),
        )


def _reference(record: VersionRecord) -> Reference | None:
    try:
        return Reference.model_validate(record.profile)
    except ValidationError:
        log.warning("%s has no usable reference profile: it is counted, not judged", record.name)
        return None


def _value(label: object) -> float:
    try:
        value = math.nan if isinstance(label, bool) else float(str(label))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{label!r} is not a number")
    return value


def _canonical(label: object) -> str:
    """One text for what libraries write differently: ``True`` and 1, ``1.0`` and 1."""
    return _canonical_text(str(label))


@lru_cache(maxsize=4096)
def _canonical_text(text: str) -> str:
    if text.lower() in ("true", "false"):
        return str(int(text.lower() == "true"))
    try:
        return f"{float(text):.17g}"
    except ValueError:
        return text
