"""Waivers: dated exceptions to policies and checks, each approved by somebody else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator

from northstar.environments.as_code.field_types import Text
from northstar.names import EnvironmentName

LONGEST_DAYS = 180
"""For how many days a waiver holds at most; who still needs it then, has it approved again."""
SOON = timedelta(days=30)

# Letters that only look like others would make two people of one, so an address is of ASCII.
_LOCAL, _DOMAIN = r"[A-Za-z0-9_%'+-]+(\.[A-Za-z0-9_%'+-]+)*", r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
_Person = Annotated[
    str, Field(pattern=f"^{_LOCAL}@{_DOMAIN}$", max_length=254, examples=["ada@example.com"])
]


class Found(Protocol):
    """Something that a policy found: a ``Finding``, or one of Checkov's."""

    @property
    def policy(self) -> str: ...
    @property
    def address(self) -> str: ...


class Waiver(BaseModel):
    """A dated exception to one policy, for what its pattern names, approved by somebody else."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: Text = Field(
        description="A policy of docs/reference/infrastructure.md, or a check of Checkov's."
    )
    resource: Text = Field(description="The address that it is for; * stands for any text.")
    stages: tuple[EnvironmentName, ...] = Field(
        default=("dev", "staging", "prod"), description="Where it holds."
    )
    reason: Annotated[str, Field(min_length=20, max_length=500)] = Field(
        description="Why it may be so, in at least 20 letters."
    )
    approved_on: date = Field(description="The day on which it was approved, and begins to hold.")
    until: date = Field(
        description=f"The last day on which it holds: at most {LONGEST_DAYS} days later."
    )
    requested_by: _Person = Field(description="Who asked for it: a mail address.")
    approved_by: _Person = Field(description="Who approved it: that of somebody else.")

    @model_validator(mode="after")
    def _check_four_eyes(self) -> Waiver:
        if _mailbox(self.requested_by) == _mailbox(self.approved_by):
            raise ValueError(
                f"{self.requested_by} asked for it and approved it; somebody else must approve"
            )
        return self

    @model_validator(mode="after")
    def _check_term(self) -> Waiver:
        latest = self.approved_on + timedelta(days=LONGEST_DAYS)
        if self.until < self.approved_on:
            raise ValueError(f"until is {self.until}, before it was approved on {self.approved_on}")
        if self.until > latest:
            raise ValueError(
                f"until is {self.until}, more than {LONGEST_DAYS} days after it was approved; "
                f"the latest is {latest}"
            )
        return self

    def fits(self, found: Found) -> bool:
        """Whether it is for what was found, on whichever day."""
        # In an address, brackets are no character class.
        pattern = self.resource.replace("[", "[[]")
        return found.policy == self.policy and fnmatchcase(found.address, pattern)

    def unheld(self, today: date) -> str:
        """Why it does not hold today, in words; empty when it does."""
        if today > self.until:
            return f"The waiver of {self.policy} for {self.resource} ended on {self.until}."
        if today < self.approved_on:
            begins = f"holds from {self.approved_on} on"
            return f"The waiver of {self.policy} for {self.resource} {begins}."
        return ""


def running(waivers: Iterable[Waiver], stage: EnvironmentName, today: date) -> list[Waiver]:
    """Those that hold in a stage today, both the first and the last day among them."""
    return [one for one in waivers if stage in one.stages and not one.unheld(today)]


def waiver_for(found: Found, waivers: Sequence[Waiver]) -> Waiver | None:
    """The first waiver that lets something pass."""
    return next((one for one in waivers if one.fits(found)), None)


def _mailbox(address: str) -> str:
    """Whose an address is: neither capitals nor what follows a plus make it somebody else's."""
    name, _, domain = address.casefold().partition("@")
    return f"{name.partition('+')[0]}@{domain}"
