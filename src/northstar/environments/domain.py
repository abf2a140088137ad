"""An environment as an object of the platform, and what pipelines report of its infrastructure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from northstar.names import EnvironmentName

ReportKind = Literal["plan", "apply", "drift", "destroy"]
ChangeKind = Literal["create", "change", "replace", "destroy"]

CHANGES_IN_A_REPORT = 500
"""How many changes and findings a report names; its counts say how many there are."""

_Line = Annotated[str, Field(max_length=255)]
_Text = Annotated[str, Field(max_length=2000)]


def _cut(longest: int) -> BeforeValidator:
    """A report with too much in it is kept as far as there is room; none is lost for that."""

    def cut(value: Any) -> Any:
        return value[:longest] if isinstance(value, str | list | tuple) else value

    return BeforeValidator(cut)


_Address = Annotated[str, _cut(1000)]
_Told = Annotated[str, _cut(2000)]
_Count = Annotated[int, Field(ge=0, lt=2**31)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Environment(_Value):
    """A stage that every project goes through: dev, staging or prod.

    There are always these three. What is kept here says whose they are and where they run.
    """

    name: EnvironmentName = Field(description="Which of them.")
    description: _Text = Field(default="", description="What it is for.")
    owners: Annotated[tuple[_Line, ...], Field(max_length=20)] = Field(
        default=(), description="Who answers for it: people or groups, as they are called."
    )
    contact: _Line = Field(default="", description="How the owners are reached.")
    region: _Line = Field(default="", description="Where it runs, for example westeurope.")
    subscription: _Line = Field(default="", description="The Azure subscription that it is in.")
    drift_check_hours: int = Field(
        default=26,
        ge=1,
        le=24 * 90,
        description="After how many hours without a check for drift the check is overdue.",
    )


class ResourceChange(_Value):
    """One resource that differs from its code, or that was made to fit it."""

    address: _Address
    what: ChangeKind
    summary: _Told = ""


class PolicyFinding(_Value):
    """What a policy says of a resource; ``waived`` is the reason for which it may be so."""

    policy: _Line
    address: _Address = ""
    message: _Told = ""
    waived: _Told = ""


class EnvironmentReport(_Value):
    """What one command found or did to an environment's infrastructure.

    ``drift`` reports name what differs from the code, the others what would be or was changed.
    ``problem`` says why the command failed; what such a report doesn't name may be there all the
    same. Who reports is known by the token.
    """

    environment: EnvironmentName
    kind: ReportKind
    at: AwareDatetime
    commit: _Line = ""
    created: _Count = 0
    changed: _Count = 0
    replaced: _Count = 0
    destroyed: _Count = 0
    changes: Annotated[tuple[ResourceChange, ...], _cut(CHANGES_IN_A_REPORT)] = ()
    findings: Annotated[tuple[PolicyFinding, ...], _cut(CHANGES_IN_A_REPORT)] = ()
    problem: _Told = ""

    @property
    def differences(self) -> int:
        """How many resources it is about."""
        return self.created + self.changed + self.replaced + self.destroyed

    @property
    def succeeded(self) -> bool:
        """Whether the command came to its end."""
        return not self.problem


class StoredReport(EnvironmentReport):
    """A report as the platform keeps it."""

    id: int
    reported_by: str
    received_at: datetime


class Infrastructure(_Value):
    """What is known of an environment's infrastructure, by what was reported last.

    ``checked`` is the last check for drift that came to its end; ``overdue_since`` is when the next
    one was due, where it has not come.
    """

    applied: StoredReport | None = None
    checked: StoredReport | None = None
    destroyed: StoredReport | None = None
    failed: StoredReport | None = None
    overdue_since: datetime | None = None


def infrastructure(
    environment: Environment, latest: Infrastructure, now: datetime
) -> Infrastructure:
    """``latest`` with what follows from it now.

    What was never applied, or was destroyed since, need not be checked.
    """
    applied, checked = latest.applied, latest.checked
    if applied is None or (latest.destroyed and latest.destroyed.at > applied.at):
        return latest
    last = max(applied.at, checked.at) if checked else applied.at
    due = last + timedelta(hours=environment.drift_check_hours)
    return latest.model_copy(update={"overdue_since": due if due <= now else None})
