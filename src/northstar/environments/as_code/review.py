"""Whether a plan may be applied: policies, waivers, and data that would be lost."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from northstar.environments.as_code.order import NETWORK, after_apply, before_apply, impossible
from northstar.environments.as_code.platform_file import PlatformFile
from northstar.environments.as_code.prices import PriceList
from northstar.environments.as_code.summary import Summary, summarise
from northstar.environments.as_code.waivers import Waiver, running, waiver_for
from northstar.environments.domain import PolicyFinding, ResourceChange
from northstar.environments.plan import Plan
from northstar.environments.policies import Finding, check
from northstar.names import EnvironmentName


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
    holding = running(file.waivers, stage, today)
    waived = [(one, waiver) for one in found if (waiver := waiver_for(one, holding))]
    findings = [one for one in found if waiver_for(one, holding) is None]
    summary = summarise(document, prices)
    refusals = [f"{one.policy}: {one.address}: {one.message} {one.hint}" for one in findings]
    refusals += [
        why
        for waiver in file.waivers
        if stage in waiver.stages and (why := waiver.unheld(today))
        if any(waiver.fits(one) for one in findings)
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
    unused = [one for one in holding if one not in used and not one.policy.startswith("CKV")]
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


def _why(waiver: Waiver) -> str:
    return f"{waiver.reason} (until {waiver.until}, approved by {waiver.approved_by})"
