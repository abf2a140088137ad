"""A scan as people read it."""

from __future__ import annotations

from collections.abc import Iterator

from northstar.environments.as_code.checkov import FailedCheck, Scan
from northstar.environments.as_code.checks import DECIDED_BY, known_checks
from northstar.environments.as_code.waivers import Waiver
from northstar.environments.as_code.wording import counted
from northstar.names import EnvironmentName


def scan_as_text(name: EnvironmentName, found: Scan) -> str:
    """What failed first, then what is waived, and which waivers want a look."""
    counts = f"{found.passed} checks passed, {len(found.failed)} failed, {len(found.waived)} waived"
    lines = [f"{name}: {counts}."]
    lines += [f"  {one.policy} {one.address}: {one.message}" for one in found.failed]
    if found.failed:
        lines.append("  Mend what failed, or waive it in platform.yaml.")
    lines += [f"  {why}" for why in found.unheld]
    lines += [f"  The waiver {_of(one)} ends on {one.until}." for one in found.ending]
    lines += _waived(found)
    lines += [f"  Nothing needs the waiver {_of(one)}, until {one.until}." for one in found.unused]
    decided = ", ".join(f"{check} ({one.policy})" for check, one in DECIDED_BY.items())
    lines.append(f"  Decided by policies, of which `northstar env plan` tells: {decided}.")
    if found.version != (wanted := known_checks().version):
        lines.append(
            f"  This is Checkov {found.version}; the checks that can be waived are of {wanted}."
        )
    return "\n".join(lines)


def _waived(found: Scan) -> Iterator[str]:
    """What each waiver lets pass."""
    of_each: dict[Waiver, list[FailedCheck]] = {}
    for one, waiver in found.waived:
        of_each.setdefault(waiver, []).append(one)
    for waiver, checks in of_each.items():
        what = checks[0].address if len(checks) == 1 else counted(len(checks), "resource")
        yield (
            f"  waived until {waiver.until}: {waiver.policy} of {what}: {waiver.reason} "
            f"(approved by {waiver.approved_by})"
        )


def _of(waiver: Waiver) -> str:
    return f"of {waiver.policy} for {waiver.resource}"
