"""A run: what it was asked for, its steps, and what each step found."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

Step = Literal["data", "split", "train", "evaluate", "register"]
STEPS: tuple[Step, ...] = get_args(Step)


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class RunRequest(_Value):
    """What a run is asked for.

    Args:
        start: first moment of the data, inclusive; ``None`` for all there is.
        end: end of the data, exclusive.
        parameters: what differs from ``train.parameters``.
    """

    start: datetime | None = None
    end: datetime | None = None
    parameters: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _the_window_has_a_length(self) -> RunRequest:
        if self.start and self.end and self.start >= self.end:
            raise ValueError(f"the window begins at {self.start} and ends at {self.end}")
        return self


class DataFacts(_Value):
    """What the data step found.

    ``unlabelled`` counts the rows that were left out because their target is missing.
    """

    rows: int
    unlabelled: int
    digest: str
    start: datetime | None = None
    end: datetime | None = None


class SplitFacts(_Value):
    """How many rows each part got."""

    rows_train: int
    rows_test: int


class TrainFacts(_Value):
    """How long the squad's code took, and where its model came from, in words."""

    seconds: float
    found: str


class RegisterFacts(_Value):
    """The version that came of the run."""

    version: int


class RunState(_Value):
    """A run and how far it has come; written after every step, so that a killed run goes on.

    A step is finished when its facts are there. Steps are repeatable: one that was killed
    half-way is run again from its start. ``traceparent`` is the span of its first attempt.
    """

    run: str
    mlflow_run: str
    started_at: datetime
    started_by: str
    request: RunRequest
    source_digest: str
    commit: str | None
    dirty: bool
    traceparent: str = ""
    data: DataFacts | None = None
    split: SplitFacts | None = None
    train: TrainFacts | None = None
    evaluate: bool | None = None
    register_: RegisterFacts | None = Field(default=None, alias="register")

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    @property
    def next_step(self) -> Step | None:
        """The first step that is not finished; ``None`` when all are."""
        facts = (self.data, self.split, self.train, self.evaluate, self.register_)
        return next((s for s, fact in zip(STEPS, facts, strict=True) if fact is None), None)
