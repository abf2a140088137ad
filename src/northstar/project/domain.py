"""What ``northstar.yaml`` may say."""

from __future__ import annotations

import re
import shlex
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from northstar.metrics import METRICS
from northstar.names import ProjectRef
from northstar.project.squads import Name

Task = Literal["regression", "binary", "multiclass"]
DataFormat = Literal["parquet", "csv"]
Finding = Literal["drift", "quality", "performance"]
Action = Literal["none", "notify", "retrain", "rollback"]

ColumnName = Annotated[str, Field(min_length=1, max_length=255)]
Callable = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        examples=["train:fit"],
        description="A Python function, as 'module:function'; the module lies in the project.",
    ),
]
PLACEHOLDERS = ("train_data", "target", "output", "parameters")
"""What a training command may name in braces, besides its own parameters."""

_DEFAULT_METRIC: dict[Task, str] = {
    "regression": "rmse",
    "binary": "roc_auc",
    "multiclass": "log_loss",
}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataSection(_Section):
    """Where the data comes from: exactly one of ``path``, ``function`` and ``sql``."""

    path: str | None = Field(
        default=None,
        min_length=1,
        description="A Parquet or CSV file, relative to the project's folder; a pattern with * is "
        "read as one table.",
    )
    function: Callable | None = Field(
        default=None,
        description="A function fn(start, end) that returns a pandas DataFrame; both are "
        "datetime or None.",
    )
    sql: str | None = Field(
        default=None,
        min_length=1,
        description="A DuckDB query; $start and $end are the window's ends or NULL.",
    )
    format: DataFormat | None = Field(
        default=None, description="Of path; by default what its suffix says."
    )
    missing: list[str] = Field(
        default=["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"],
        description="Texts of a CSV file that mean a missing value.",
    )
    time_column: ColumnName | None = Field(
        default=None, description="When each row happened; windows and time splits go by it."
    )
    timeout_seconds: float = Field(
        default=1800, gt=0, description="How long the data function may take."
    )

    @model_validator(mode="after")
    def _one_source(self) -> DataSection:
        given = [name for name in ("path", "function", "sql") if getattr(self, name) is not None]
        if len(given) != 1:
            have = f"it has {' and '.join(given)}" if given else "it has none"
            raise ValueError(f"needs exactly one of path, function and sql; {have}")
        if self.format is not None and self.path is None:
            raise ValueError("format belongs to path")
        if self.path is not None and self.format is None and self.file_format is None:
            raise ValueError(f"{self.path!r} has no known suffix; say format: parquet or csv")
        return self

    @property
    def file_format(self) -> DataFormat | None:
        """The format of ``path``; ``None`` when there is no path."""
        if self.path is None or self.format is not None:
            return self.format
        for suffix, known in ((".parquet", "parquet"), (".pq", "parquet"), (".csv", "csv")):
            if self.path.lower().removesuffix(".gz").endswith(suffix):
                return "csv" if known == "csv" else "parquet"
        return None


class FeaturesSection(_Section):
    """Which columns the training sees besides the target; by default all but the time column."""

    include: list[ColumnName] | None = Field(default=None, min_length=1)
    exclude: list[ColumnName] = []


class SplitSection(_Section):
    """How the platform parts the data; the squad's code never sees the test part."""

    by: Literal["time", "random", "group"] | None = Field(
        default=None,
        description="time: the last rows are the test; random: a draw; group: whole groups go to "
        "one side. By default time where there is a time_column, random otherwise.",
    )
    test_share: float = Field(default=0.2, gt=0, lt=1, description="Share of rows in the test.")
    column: ColumnName | None = Field(default=None, description="Of the groups.")
    seed: int = Field(default=0, ge=0, description="Of the draw.")

    @model_validator(mode="after")
    def _groups_have_a_column(self) -> SplitSection:
        if self.by == "group" and self.column is None:
            raise ValueError("by: group needs column, which says what a group is")
        if self.column is not None and self.by != "group":
            raise ValueError("column belongs to by: group")
        return self


class TrainSection(_Section):
    """The squad's code: exactly one of ``function`` and ``command``."""

    function: Callable | None = Field(
        default=None,
        description="A function fn(table, parameters) that returns anything with predict.",
    )
    command: str | list[str] | None = Field(
        default=None,
        min_length=1,
        description="Any command, run in the project's folder without a shell; {train_data}, "
        "{target}, {output}, {parameters} and {NAME} of a parameter are filled in.",
    )
    data_format: DataFormat | None = Field(
        default=None,
        description="How the command gets its data; by default like data.path, else parquet.",
    )
    parameters: dict[str, JsonValue] = {}
    timeout_seconds: float = Field(default=3600, gt=0)

    @field_validator("command")
    @classmethod
    def _words_can_be_told_apart(cls, command: str | list[str] | None) -> str | list[str] | None:
        if isinstance(command, str):
            try:
                shlex.split(command)
            except ValueError as error:
                raise ValueError(f"can't be split into words: {error}") from None
        return command

    @model_validator(mode="after")
    def _one_form(self) -> TrainSection:
        if (self.function is None) == (self.command is None):
            raise ValueError("needs exactly one of function and command")
        if self.data_format is not None and self.command is None:
            raise ValueError("data_format belongs to command; a function gets a table")
        known = (*PLACEHOLDERS, *self.parameters)
        for word in self.words:
            for name in _PLACEHOLDER.findall(word):
                if name not in known:
                    raise ValueError(
                        f"command names {{{name}}}; known are "
                        + ", ".join(f"{{{each}}}" for each in known)
                    )
        return self

    @property
    def words(self) -> list[str]:
        """The command's words, placeholders as written; empty for the function form."""
        if self.command is None:
            return []
        return shlex.split(self.command) if isinstance(self.command, str) else list(self.command)


class EvaluateSection(_Section):
    """How versions are compared."""

    metric: str | None = Field(
        default=None,
        description="The primary metric; by default rmse, roc_auc or log_loss, by task.",
        json_schema_extra={"enum": [*METRICS, None]},
    )
    slices: list[ColumnName] = Field(
        default=[], description="Columns by whose values the primary metric is shown as well."
    )


class MonitoringConfig(_Section):
    """What the platform watches in production and what it does about it; times in days."""

    window_days: float = Field(default=7, gt=0)
    label_delay_days: float = Field(default=0, ge=0)
    minimum_rows: int = Field(default=200, ge=1)
    minimum_labels: int = Field(default=200, ge=1)
    retrain_days: float = Field(default=90, gt=0)
    actions: dict[Finding, Action] = Field(
        default={}, validate_default=True, description="By default, somebody is notified."
    )
    webhook: str | None = Field(
        default=None, pattern=r"^https?://", examples=["https://example.com/alerts"]
    )
    cooldown_days: float = Field(default=14, ge=0)

    @field_validator("actions")
    @classmethod
    def _every_finding_has_one(cls, given: dict[Finding, Action]) -> dict[Finding, Action]:
        return {finding: given.get(finding, "notify") for finding in get_args(Finding)}


class ProjectSpec(_Section):
    """``northstar.yaml``: one page that says what a project learns, from what, and how."""

    squad: Name = Field(examples=["operations"])
    project: Name = Field(examples=["late-arrival"])
    description: str = ""
    task: Task
    target: ColumnName
    positive: str | int | bool | None = Field(
        default=None, description="The value of target that a binary model's probability is of."
    )
    data: DataSection
    features: FeaturesSection = FeaturesSection()
    split: SplitSection = SplitSection()
    train: TrainSection
    evaluate: EvaluateSection = EvaluateSection()
    monitoring: MonitoringConfig = MonitoringConfig()

    @model_validator(mode="after")
    def _sections_fit(self) -> ProjectSpec:
        if self.split.by == "time" and self.data.time_column is None:
            raise ValueError("split by time needs data.time_column")
        if self.positive is not None and self.task != "binary":
            raise ValueError("positive belongs to task: binary")
        if self.target in (self.features.include or []):
            raise ValueError(f"the target {self.target!r} can't be a feature")
        known = [name for name, metric in METRICS.items() if self.task in metric.tasks]
        if self.evaluate.metric is not None and self.evaluate.metric not in known:
            raise ValueError(
                f"evaluate.metric {self.evaluate.metric!r} is not one for task {self.task}; "
                f"use one of {', '.join(known)}"
            )
        return self

    @property
    def ref(self) -> ProjectRef:
        """The project's name with its squad's."""
        return ProjectRef(self.squad, self.project)

    @property
    def metric(self) -> str:
        """The primary metric."""
        return self.evaluate.metric or _DEFAULT_METRIC[self.task]

    @property
    def split_by(self) -> Literal["time", "random", "group"]:
        """How the data is parted, defaults resolved."""
        return self.split.by or ("time" if self.data.time_column else "random")
