"""Whether a plan may be applied: policies, waivers, and data that would be lost."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, Protocol

from northstar.environments.as_code.order import NETWORK, after_apply, before_apply, impossible
from northstar.environments.as_code.platform_file import PlatformFile, Waiver
from northstar.environments.as_code.prices import PriceList
from northstar.environments.as_code.summary import Summary, summarise
from northstar.environments.domain import PolicyFinding, ResourceChange
from northstar.environments.plan import Plan
from northstar.environments.policies import Finding, check
from northstar.names import EnvironmentName


class Found(Protocol):
    """Something that a policy found: a ``Finding``, or one of Checkov's."""

    @property
    def policy(self) -> str: ...
    @property
    def address(self) -> str: ...


@dataclass(frozen=True)
class Review:
    """A plan with everything that a reviewer has to know.

    Attributes:
        findings: of the policies, that nothing waives.
        waived: findings with the waiver that lets each pass.
        unused: waivers that run and that nothing needs.
        refusals: why it may not be applied; empty when it may.
        before, after: what people have to do before it is applied, and when it was.
    """

    stage: EnvironmentName
    summary: Summary
    findings: tuple[Finding, ...]
    waived: tuple[tuple[Finding, Waiver], ...]
    unused: tuple[Waiver, ...]
    refusals: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def changes(self) -> tuple[ResourceChange, ...]:
        """Every resource that the plan changes."""
        return self.summary.changes

    def reported_findings(self) -> tuple[PolicyFinding, ...]:
        """The findings as they are told to the platform."""
        return (
            *(
                PolicyFinding(policy=f.policy, address=f.address, message=f.message)
                for f in self.findings
            ),
            *(
                PolicyFinding(
                    policy=f.policy, address=f.address, message=f.message, waived=_why(waiver)
                )
                for f, waiver in self.waived
            ),
        )


def review(
    document: Mapping[str, Any],
    file: PlatformFile,
    stage: EnvironmentName,
    prices: PriceList,
    today: date,
    give_up: Collection[str] = (),
) -> Review:
    """Review what ``terraform show -json`` says of a saved plan.

    Args:
        give_up: addresses of resources whose data may be lost.
    """
    found = check(Plan(document))
    running = waivers_of(file, stage, today)
    waived = [(one, waiver) for one in found if (waiver := waiver_for(one, running))]
    findings = [one for one in found if waiver_for(one, running) is None]
    summary = summarise(document, prices)
    refusals = [f"{one.policy}: {one.address}: {one.message} {one.hint}" for one in findings]
    refusals += [
        f"The waiver of {waiver.policy} for {waiver.resource} ended on {waiver.until}."
        for waiver in file.waivers
        if waiver.until < today and stage in waiver.stages
        if any(_fits(one, waiver) for one in findings)
    ]
    refusals += [
        f"{lost.what} would be lost, with {lost.data}; "
        f"if that is wanted: --give-up '{lost.address}'"
        for lost in summary.lost
        if lost.address not in give_up
    ]
    made = {change.address for change in summary.changes if change.what == "create"}
    refusals += (blocked := list(impossible(made, file, stage)))
    removed = {change.address for change in summary.changes if change.what == "destroy"}
    used = {waiver for _, waiver in waived}
    unused = [one for one in running if one not in used and not one.policy.startswith("CKV")]
    return Review(
        stage,
        summary,
        tuple(findings),
        tuple(waived),
        tuple(unused),
        tuple(dict.fromkeys(refusals)),
        () if blocked else tuple(before_apply(made, file, stage)),
        () if blocked or NETWORK in removed else tuple(after_apply(made, file, stage)),
    )


def waivers_of(file: PlatformFile, stage: EnvironmentName, today: date) -> list[Waiver]:
    """The waivers that hold in a stage today; the day of ``until`` is the last."""
    return [one for one in file.waivers if stage in one.stages and one.until >= today]


def waiver_for(found: Found, waivers: Sequence[Waiver]) -> Waiver | None:
    """The first waiver that lets something pass."""
    return next((one for one in waivers if _fits(found, one)), None)


def _fits(found: Found, waiver: Waiver) -> bool:
    # In an address, brackets are no character class.
    pattern = waiver.resource.replace("[", "[[]")
    return found.policy == waiver.policy and fnmatchcase(found.address, pattern)


def _why(waiver: Waiver) -> str:
    return f"{waiver.reason} (until {waiver.until}, approved by {waiver.approved_by})"
