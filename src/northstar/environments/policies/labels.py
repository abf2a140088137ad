"""Whose a resource is, who pays, and where it is."""

from __future__ import annotations

from collections.abc import Iterator

from northstar.environments.plan import Plan
from northstar.environments.policies.findings import Finding

REGIONS = frozenset(
    {"francecentral", "germanywestcentral", "northeurope", "swedencentral", "westeurope"}
)
TAGS = ("cost_center", "environment", "owner")


def tags(plan: Plan) -> Iterator[Finding]:
    """What can carry tags says whose it is, of which stage, and who pays."""
    for one in plan.resources:
        if "tags" not in one.values:
            continue
        missing = [tag for tag in TAGS if not (one.values["tags"] or {}).get(tag)]
        if missing:
            message = f"It has no tag {' and no '.join(missing)}."
            yield Finding("tags", one.address, message, "Give it the platform's tags.")


def regions(plan: Plan) -> Iterator[Finding]:
    """Nothing is made outside of the regions in which the company keeps data."""
    for one in plan.resources:
        location = one.values.get("location")
        if location not in (None, "global", *REGIONS):
            message = f"It would be in {location}."
            hint = f"Choose one of {', '.join(sorted(REGIONS))}."
            yield Finding("regions", one.address, message, hint)
