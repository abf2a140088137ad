"""Release freezes: when nothing new goes into an environment, and for whom it may all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from northstar.errors import Invalid
from northstar.names import EndpointRef, EnvironmentName, ProjectRef, Scope
from northstar.project.squads import Name

FreezeState = Literal["planned", "in force", "ended"]
Reason = Annotated[str, Field(min_length=1, max_length=1000)]


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("in UTC no calendar has this moment") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment in any time zone, kept in UTC: messages and pages say it in that."""

LONGEST = timedelta(days=180)
LONGEST_EXEMPTION = timedelta(hours=72)


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Exemption(_Value):
    """One project may release in spite of a freeze, until a moment and for a reason."""

    project: str
    reason: str
    until: datetime
    given_by: str
    given_at: datetime

    @property
    def scope(self) -> Scope:
        """The project's scope."""
        ref = ProjectRef.parse(self.project)
        return Scope(ref.squad, ref.project)

    def lets_through(self, project: ProjectRef, now: datetime) -> bool:
        """Whether it is this project's, and has not ended."""
        return self.project == str(project) and now < self.until


class Freeze(_Value):
    """A time in which nothing new goes into an environment, such as the peak season.

    It holds from ``starts_at`` until before ``ends_at`` and ends by itself. Rollbacks are possible
    all the same.
    """

    id: int
    environment: EnvironmentName = Field(description="Which environment is frozen.")
    squad: Name | None = Field(
        description="Whose releases are held; those of every squad, when it is not set."
    )
    reason: Reason = Field(description="Why, for those whose releases have to wait.")
    starts_at: Moment = Field(description="From when on.")
    ends_at: Moment = Field(description="Until when; at most 180 days later.")
    set_by: str
    set_at: datetime
    exemptions: tuple[Exemption, ...] = ()

    @property
    def scope(self) -> Scope:
        """Where one needs the right to change it."""
        return Scope(self.squad)

    @property
    def subject(self) -> str:
        """What is frozen, in words."""
        return f"{self.environment} of {self.squad}" if self.squad else self.environment

    @property
    def told(self) -> str:
        """What those hear whose releases have to wait."""
        return f"{self.subject} is frozen until {moment(self.ends_at)}: {self.reason}"

    def as_seen(self, may: Callable[[str, Scope], bool]) -> Freeze | None:
        """What somebody sees of it who ``may`` take these actions: the names of no other squads.

        What holds everybody, everybody sees.
        """
        if self.squad and not may("squad:read", self.scope):
            return None
        seen = tuple(one for one in self.exemptions if may("project:read", one.scope))
        return self.model_copy(update={"exemptions": seen})

    def state(self, now: datetime) -> FreezeState:
        """Whether it is still to come, holds, or has ended."""
        if now < self.starts_at:
            return "planned"
        return "in force" if now < self.ends_at else "ended"

    def holds(self, endpoint: EndpointRef, now: datetime) -> bool:
        """Whether it keeps releases from an endpoint now."""
        return (
            self.environment == endpoint.environment
            and self.squad in (None, endpoint.squad)
            and self.state(now) == "in force"
            and not any(one.lets_through(endpoint.project_ref, now) for one in self.exemptions)
        )


def holding(freezes: Iterable[Freeze], endpoint: EndpointRef, now: datetime) -> Freeze | None:
    """Of the freezes that keep releases from an endpoint now, the one that ends last."""
    held = [freeze for freeze in freezes if freeze.holds(endpoint, now)]
    return max(held, key=lambda freeze: freeze.ends_at, default=None)


def check_times(starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    """Raise ``Invalid`` for a freeze that would never hold, or that would hardly ever end."""
    if ends_at <= max(starts_at, now):
        raise Invalid(
            f"A freeze from {moment(starts_at)} until {moment(ends_at)} would never hold.",
            hint="It must end after it starts, and not in the past.",
        )
    if ends_at - starts_at > LONGEST:
        raise Invalid(
            f"A freeze can last {LONGEST.days} days, not {(ends_at - starts_at).days}.",
            hint="Set another one when this one ends: somebody should want it again.",
        )


def exempt(freeze: Freeze, exemption: Exemption) -> Freeze:
    """The freeze with one project let through; an earlier exemption of it gives way.

    Raises ``Invalid`` for a project that the freeze doesn't hold, and for too long.
    """
    squad = exemption.project.partition("/")[0]
    if freeze.squad not in (None, squad):
        raise Invalid(f"Freeze {freeze.id} does not hold releases of {exemption.project}.")
    if exemption.until - exemption.given_at > LONGEST_EXEMPTION:
        hours = LONGEST_EXEMPTION / timedelta(hours=1)
        raise Invalid(
            f"A project can be let through a freeze for {hours:g} hours at a time.",
            hint="Lift the freeze, or give it an earlier end, if it should not hold any longer.",
        )
    others = tuple(one for one in freeze.exemptions if one.project != exemption.project)
    return freeze.model_copy(update={"exemptions": (*others, exemption)})


def moment(at: datetime) -> str:
    """A moment in UTC as messages have it."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
