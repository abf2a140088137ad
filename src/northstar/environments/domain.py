"""An environment as an object of the platform, and what pipelines report of its infrastructure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from northstar.environments.freezes import Freeze
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
_Sentences = Annotated[tuple[_Told, ...], _cut(CHANGES_IN_A_REPORT)]
_Count = Annotated[int, Field(ge=0, lt=2**31)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class EnvironmentSettings(_Value):
    """What is said of an environment: whose it is and where it runs."""

    description: _Text = Field(default="", description="What it is for.")
    owners: Annotated[tuple[_Line, ...], Field(max_length=200)] = Field(
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


class Environment(EnvironmentSettings):
    """A stage that every project goes through: dev, staging or prod; there are always these."""

    name: EnvironmentName = Field(description="Which of them.")


class ResourceChange(_Value):
    """One resource that differs from its code, or that was made to fit it.

    ``what`` is what an apply would do or did: of a report on drift, ``create`` is for what is
    missing. ``summary`` says what differs: of drift from the code to what is there, of all others
    from what was there to the code.
    """

    address: _Address
    what: ChangeKind
    summary: _Told = ""


class PolicyFinding(_Value):
    """What a policy says of a resource; ``waived`` is the reason for which it may be so."""

    policy: _Line
    address: _Address = ""
    message: _Told = ""
    waived: _Told = ""


class CommandReport(_Value):
    """What one command found or did to an environment's infrastructure.

    ``drift`` reports name what differs from the code, the others what would be or was changed.
    ``openings`` are sentences about what more is reached and who may do more because of it,
    ``closings`` about less; ``doubts`` are what may be an opening. Of drift, that is what was
    opened and closed by hand. ``problem`` says why the command failed; what such a report doesn't
    name may be there all the same. Who reports is known by the token.
    """

    kind: ReportKind
    at: AwareDatetime
    commit: _Line = ""
    created: _Count = 0
    changed: _Count = 0
    replaced: _Count = 0
    destroyed: _Count = 0
    changes: Annotated[tuple[ResourceChange, ...], _cut(CHANGES_IN_A_REPORT)] = ()
    findings: Annotated[tuple[PolicyFinding, ...], _cut(CHANGES_IN_A_REPORT)] = ()
    openings: _Sentences = ()
    doubts: _Sentences = ()
    closings: _Sentences = ()
    problem: _Told = ""

    @property
    def differences(self) -> int:
        """How many resources it is about."""
        return self.created + self.changed + self.replaced + self.destroyed

    @property
    def succeeded(self) -> bool:
        """Whether the command came to its end."""
        return not self.problem


class EnvironmentReport(CommandReport):
    """What one command found or did, and to which environment."""

    environment: EnvironmentName


class StoredReport(EnvironmentReport):
    """A report as the platform keeps it."""

    id: int
    reported_by: str
    received_at: datetime


class Infrastructure(_Value):
    """What is known of an environment's infrastructure, each by the latest report of its kind.

    ``checked`` is the last check for drift that came to its end, ``failed`` the last command that
    did not. ``overdue_since`` is when the next check was due, where none has come.
    """

    applied: StoredReport | None = None
    checked: StoredReport | None = None
    destroyed: StoredReport | None = None
    failed: StoredReport | None = None
    overdue_since: datetime | None = None

    @property
    def exists(self) -> bool:
        """Whether it was applied, and not destroyed since."""
        if self.applied is None:
            return False
        return self.destroyed is None or self.destroyed.at < self.applied.at

    def as_of(self, now: datetime, check_hours: int) -> Infrastructure:
        """The same, with whether a check is overdue; what doesn't exist need not be checked."""
        if self.applied is None or not self.exists:
            return self.model_copy(update={"overdue_since": None})
        last = max(one.at for one in (self.applied, self.checked) if one)
        due = last + timedelta(hours=check_hours)
        return self.model_copy(update={"overdue_since": due if due <= now else None})

    def without_details(self) -> Infrastructure:
        """What everybody may see: when, by whom and how much; not which resources."""
        shown = ("applied", "checked", "destroyed", "failed")
        named = ("changes", "findings", "openings", "doubts", "closings")
        hidden = {**dict.fromkeys(named, ()), "problem": ""}
        found = {name: getattr(self, name) for name in shown}
        brief = {name: one.model_copy(update=hidden) for name, one in found.items() if one}
        return self.model_copy(update=brief)


class EnvironmentStatus(_Value):
    """An environment as it stands: what is said of it, its freezes that have not ended, and what
    is known of its infrastructure.
    """

    environment: Environment
    freezes: tuple[Freeze, ...]
    infrastructure: Infrastructure


_DIFFERENCES: dict[ChangeKind, str] = {
    "create": "is missing: somebody removed it, or it was never applied",
    "change": "was changed by hand, from what the code says to what is there",
    "replace": "was changed by hand so that an apply would make it anew",
    "destroy": "is there, and is not in the code",
}


def exposed_by_hand(report: CommandReport) -> list[str]:
    """What a check for drift found to be opened, and closed."""
    return [
        *(f"Opened by hand: {one}" for one in report.openings),
        *(f"May have been opened by hand: {one}" for one in report.doubts),
        *(f"Closed by hand: {one}" for one in report.closings),
    ]


def difference(change: ResourceChange) -> str:
    """What a check for drift found of one resource, in words."""
    told = f"{change.address} {_DIFFERENCES[change.what]}"
    return f"{told}: {change.summary}" if change.summary else f"{told}."
