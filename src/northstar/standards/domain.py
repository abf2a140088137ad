"""The gate: a pure function from a version's record and the standards to a verdict.

It cannot fail open. A check passes only by answering ``Met``; missing evidence, a number that is
not one, or an exception in a check give ``could-not-be-evaluated``, which counts as not met.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from northstar.names import EnvironmentName
from northstar.registry.domain import VersionRecord

Outcome = Literal["passed", "failed", "could-not-be-evaluated"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Parameters(_Value):
    """The thresholds of the standards: the company's, kept by the platform, not by squads."""

    baseline_margin: float = Field(
        default=0.0,
        description="How much better than the baseline a version must at least be: lower bound of "
        "the interval, in units of the primary metric.",
    )
    live_margin: float = Field(
        default=0.0,
        description="How much worse than the live version it may at most prove to be: upper bound.",
    )
    minimum_rows_train: int = Field(default=500, ge=1, description="Rows that it learnt from.")
    minimum_rows_test: int = Field(default=200, ge=1, description="Rows that it was judged by.")
    calibration_error: float = Field(
        default=0.10, gt=0, le=1, description="Between what is predicted and what happens, at most."
    )
    latency_ms_p99: float = Field(
        default=100.0, gt=0, description="Milliseconds that 99 of 100 requests take at most."
    )
    require_clean_commit: bool = Field(
        default=False, description="Whether it must be trained from a commit without changes."
    )


@dataclass(frozen=True)
class Subject:
    """What the gate looks at: the version, and which version is live where it wants to go."""

    record: VersionRecord
    environment: EnvironmentName
    live_version: int | None
    parameters: Parameters


@dataclass(frozen=True)
class Met:
    """The standard is met; ``measured`` says by what."""

    measured: str


@dataclass(frozen=True)
class NotMet:
    """The standard is not met; ``measured`` says what was found."""

    measured: str


class CannotEvaluate(Exception):
    """What the standard needs was not measured, or was measured against something else."""


@dataclass(frozen=True)
class Standard:
    """One rule: what it asks, why it exists, how to fix a failure, and where it applies.

    ``asks`` may name parameters in braces, for example ``{minimum_rows_test:,}``.
    """

    id: str
    title: str
    asks: str
    why: str
    fix: str
    environments: tuple[EnvironmentName, ...]
    check: Callable[[Subject], Met | NotMet]

    def asks_with(self, parameters: Parameters) -> str:
        """What the standard asks, with the thresholds in force."""
        return self.asks.format(**parameters.model_dump())


class StandardText(_Value):
    """A standard as people read it."""

    id: str
    title: str
    asks: str
    why: str
    fix: str
    environments: list[EnvironmentName]


class CheckResult(StandardText):
    """One standard held against one version."""

    outcome: Outcome
    measured: str


class Verdict(_Value):
    """The gate's answer; ``digest`` binds it to the content of the model that was judged."""

    project: str
    version: int
    digest: str
    environment: EnvironmentName
    passed: bool
    results: list[CheckResult]

    @property
    def unmet(self) -> list[CheckResult]:
        """The results that keep the gate closed."""
        return [result for result in self.results if result.outcome != "passed"]


def gate(
    record: VersionRecord,
    standards: Sequence[Standard],
    environment: EnvironmentName,
    parameters: Parameters,
    live_version: int | None = None,
) -> Verdict:
    """Hold a version against the standards of an environment.

    ``live_version`` is the one that serves there now. Without a single applicable standard the
    gate stays closed: an empty list is a mistake, not a permission.
    """
    subject = Subject(record, environment, live_version, parameters)
    results = [
        _evaluate(standard, subject)
        for standard in standards
        if environment in standard.environments
    ]
    return Verdict(
        project=str(record.project_ref),
        version=record.version,
        digest=record.digest,
        environment=environment,
        passed=bool(results) and all(result.outcome == "passed" for result in results),
        results=results,
    )


def describe(standard: Standard, parameters: Parameters) -> StandardText:
    """The standard as people read it, with the thresholds in force."""
    return StandardText(
        id=standard.id,
        title=standard.title,
        asks=standard.asks_with(parameters),
        why=standard.why,
        fix=standard.fix,
        environments=list(standard.environments),
    )


def _evaluate(standard: Standard, subject: Subject) -> CheckResult:
    outcome, measured = _outcome(standard, subject)
    text = describe(standard, subject.parameters)
    return CheckResult(**text.model_dump(), outcome=outcome, measured=measured)


def _outcome(standard: Standard, subject: Subject) -> tuple[Outcome, str]:
    try:
        answer = standard.check(subject)
        return ("passed" if isinstance(answer, Met) else "failed"), answer.measured
    except CannotEvaluate as reason:
        return "could-not-be-evaluated", str(reason)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a check must close the gate
        return "could-not-be-evaluated", f"The check itself failed: {type(error).__name__}: {error}"
