"""What the platform knows of a model version: its evidence, its lineage, its shape.

The pipeline sends a ``VersionRegistration``; the registry answers with a ``VersionRecord``, the
same plus what only the platform may say: the number, the content digest, who and when.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, JsonValue, model_validator

from northstar.names import NAME_PATTERN, EnvironmentName, ProjectRef

Task = Literal["regression", "binary", "multiclass"]
ColumnType = Literal["double", "long", "string", "boolean", "datetime"]
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=63)]
Text = Annotated[str, Field(max_length=1024)]
Count = Annotated[int, Field(ge=0)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Metric(_Value):
    """A measured value and its 95 % interval; no bounds where none could be computed."""

    value: FiniteFloat
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None


class Column(_Value):
    """One input of the model, as its signature types it."""

    name: Text
    type: ColumnType


class LeakSuspect(_Value):
    """A feature that seems to know the target or the time.

    ``score`` lies between 0 and 1: how much the feature alone tells.
    """

    feature: Text
    kind: Literal["target", "time"]
    score: FiniteFloat
    explanation: Text


class BaselineCoefficient(_Value):
    """What the linear baseline learnt of one of its inputs.

    ``input`` is a column of numbers, or ``column=level`` of a column of words. ``effect`` is how
    far one standard deviation more of the column, or the level instead of the column's average
    row, moves the predicted value (regression) or the log odds: of the positive class, or of
    ``of_class`` against the average class where there are several.
    """

    input: Text
    of_class: Count | None = None
    effect: Metric


class SliceResult(_Value):
    """The primary metric on the test rows where ``column`` has ``value``."""

    column: Text
    value: Text
    rows: Count
    metric: Metric


class Lineage(_Value):
    """Where a version came from, back to code, data, environment and parameters."""

    commit: Text | None
    dirty: bool
    data_digest: Text
    data_rows: Count
    data_start: datetime | None = None
    data_end: datetime | None = None
    lock_digest: Text
    parameters: dict[str, JsonValue]
    platform_version: Text
    template: Text | None = None
    source_digest: Text
    trained_by: Text


class Evidence(_Value):
    """What the platform measured of a version on the test rows that its script never saw.

    Differences are oriented so that positive means that this version is better, whatever the
    direction of the primary metric, and come from the same rows (paired bootstrap). Latency is
    that of a one-row prediction in milliseconds. The baseline's coefficients are the largest ones,
    and how many smaller ones were left out. A value of ``None`` was not measured: standards
    that need it cannot be evaluated, and so are not met.
    """

    task: Task
    primary_metric: Text
    higher_is_better: bool
    rows_train: Count
    rows_test: Count
    metrics: dict[str, Metric]
    baseline: dict[str, Metric]
    baseline_difference: Metric | None = None
    baseline_coefficients: list[BaselineCoefficient] = Field(default_factory=list, max_length=100)
    baseline_coefficients_left_out: Count = 0
    live_version: int | None = None
    live_difference: Metric | None = None
    calibration_error: FiniteFloat | None = None
    leak_suspects: list[LeakSuspect] | None = None
    latency_ms_p50: FiniteFloat | None = None
    latency_ms_p99: FiniteFloat | None = None
    slices: list[SliceResult] = Field(default_factory=list)
    signature_present: bool


class VersionRegistration(_Value):
    """What a run asks the registry to register.

    ``model_uri`` says where MLflow has the model: ``runs:/<run>/<path>`` or ``models:/m-…``.
    ``profile`` is monitoring's reference profile, ``monitoring`` the section of ``northstar.yaml``.
    """

    squad: Name
    project: Name
    run_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    model_uri: Text
    flavor: Text
    task: Task
    columns: list[Column]
    classes: list[str] | None = None
    evidence: Evidence
    lineage: Lineage
    profile: dict[str, JsonValue]
    monitoring: dict[str, JsonValue]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.evidence.task != self.task:
            raise ValueError(f"the evidence is for {self.evidence.task}, the model {self.task}")
        if len({column.name for column in self.columns}) != len(self.columns):
            raise ValueError("two columns have the same name")
        return self

    @property
    def project_ref(self) -> ProjectRef:
        """The project whose version this is."""
        return ProjectRef(self.squad, self.project)


class VersionRecord(VersionRegistration):
    """A registered version: immutable, numbered by MLflow, bound to the digest of its model.

    ``started_by`` is who started the run, where the platform ran it and it registered the version.
    """

    version: int
    digest: str
    registered_by: str
    started_by: str = ""
    registered_at: datetime

    @property
    def name(self) -> str:
        """``squad/project v3``, for messages."""
        return f"{self.squad}/{self.project} v{self.version}"


class VersionSummary(_Value):
    """A version in one line; ``metric`` is the primary one on the test rows."""

    squad: str
    project: str
    version: int
    run_id: str
    flavor: str
    task: Task
    primary_metric: str
    metric: Metric | None
    digest: str
    registered_by: str
    registered_at: datetime


class VersionUse(_Value):
    """One release of a version: where it went, and how it stands there."""

    environment: EnvironmentName
    release: int
    state: str
    since: datetime


class LineageView(_Value):
    """A version traced both ways: back to what made it, forward to where it is used."""

    squad: str
    project: str
    version: int
    run_id: str
    digest: str
    registered_by: str
    registered_at: datetime
    lineage: Lineage
    uses: list[VersionUse]


def summary(record: VersionRecord) -> VersionSummary:
    """The version in one line."""
    return VersionSummary(
        squad=record.squad,
        project=record.project,
        version=record.version,
        run_id=record.run_id,
        flavor=record.flavor,
        task=record.task,
        primary_metric=record.evidence.primary_metric,
        metric=record.evidence.metrics.get(record.evidence.primary_metric),
        digest=record.digest,
        registered_by=record.registered_by,
        registered_at=record.registered_at,
    )
