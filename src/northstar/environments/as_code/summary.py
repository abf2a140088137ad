"""What a plan means, for a reviewer who doesn't know Terraform.

What changes, by parts of the platform; what would be lost; what it costs; what it opens and closes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from northstar.environments.as_code.changes import Change, changes_of
from northstar.environments.as_code.differences import Difference, differences
from northstar.environments.as_code.exposure import exposure_of
from northstar.environments.as_code.prices import Cost, Priced, PriceList, cost_of
from northstar.environments.as_code.wording import DATA, bare, listed, named, type_of
from northstar.environments.domain import ChangeKind, ResourceChange
from northstar.environments.plan import Plan

_MOST_FIELDS = 8


@dataclass(frozen=True)
class Lost:
    """A resource with data that a plan removes or makes anew."""

    address: str
    what: str
    data: str


@dataclass(frozen=True)
class Summary:
    """A plan in words.

    Attributes:
        changes: every resource that differs.
        drifted: addresses of what was changed by hand, as far as Terraform noticed.
        lost: data that would be lost.
        rights: those of ``openings`` that say who gets which roles.
        openings: what more would be reached, and who may do more: sign-in, roles, network.
        doubts: what may open something, and has to be looked at: it isn't known before the
            apply, or no rule judges it.
        closings: what is no longer reached, and who may do less.
        cost: the difference in a month's cost.
        differences: of each resource that is changed or replaced, by its address.
        outputs: those that Terraform gives out, and that are new, changed or removed.
    """

    changes: tuple[ResourceChange, ...]
    drifted: tuple[str, ...]
    lost: tuple[Lost, ...]
    rights: tuple[str, ...]
    openings: tuple[str, ...]
    doubts: tuple[str, ...]
    closings: tuple[str, ...]
    cost: Cost
    differences: Mapping[str, tuple[Difference, ...]] = field(repr=False)
    outputs: tuple[str, ...]

    def counts(self) -> dict[ChangeKind, int]:
        """How many resources are made, changed, replaced and removed."""
        found = Counter(change.what for change in self.changes)
        return {
            "create": found["create"],
            "change": found["change"],
            "replace": found["replace"],
            "destroy": found["destroy"],
        }


def summarise(document: Mapping[str, Any], prices: PriceList) -> Summary:
    """Read what ``terraform show -json`` says of a saved plan."""
    plan = Plan(document)
    changed = changes_of(document, plan)
    changes = tuple(
        ResourceChange(address=one.address, what=one.kind, summary=_told(one.differences))
        for one in changed
    )
    exposure = exposure_of(document, plan, changed)
    return Summary(
        changes,
        tuple(e["address"] for e in document.get("resource_drift", ()) if _drifted(e)),
        tuple(_lost(changes)),
        exposure.roles,
        exposure.opens,
        exposure.doubts,
        exposure.closes,
        cost_of(prices, _priced(document, changed)),
        {one.address: one.differences for one in changed},
        tuple(_outputs(document)),
    )


def _told(found: Sequence[Difference]) -> str:
    """``sku: "A" -> "B"; …``."""
    more = len(found) - _MOST_FIELDS
    told = "; ".join(map(str, found[:_MOST_FIELDS]))
    return f"{told}; and {more} more" if more > 0 else told


def _drifted(entry: Mapping[str, Any]) -> bool:
    return entry.get("mode") == "managed" and entry["change"]["actions"] != ["no-op"]


def _lost(changes: tuple[ResourceChange, ...]) -> Iterator[Lost]:
    for change in changes:
        data = DATA.get(type_of(change.address))
        if data and change.what in ("destroy", "replace"):
            yield Lost(change.address, named(change.address), data)


def _priced(document: Mapping[str, Any], changed: Sequence[Change]) -> Iterator[Priced]:
    """Every resource that is there, before or afterwards."""
    differing = {one.address for one in changed if _is_priced(one)}
    for entry in document.get("resource_changes", ()):
        if entry["mode"] == "managed":
            before, after = entry["change"].get("before"), entry["change"].get("after")
            known = [side.get("workspace_id") for side in (before, after) if side]
            within = next(filter(None, known), entry["address"].rpartition("azurerm_")[0])
            same = entry["address"] not in differing
            yield Priced(bare(entry["type"]), before, after, within, same)


def _is_priced(change: Change) -> bool:
    """Whether more than its tags differ."""
    if change.kind in ("create", "destroy"):
        return True
    return any(one.attribute not in ("tags", "tags_all") for one in change.differences)


def _outputs(document: Mapping[str, Any]) -> Iterator[str]:
    """The names of outputs, and what becomes of those that there were."""
    for name, change in sorted(document.get("output_changes", {}).items()):
        if change["actions"] == ["no-op"]:
            continue
        told = "no longer" if "delete" in change["actions"] else _output(change)
        yield f"{name} ({told})" if told else name


def _output(change: Mapping[str, Any]) -> str:
    """By the keys of a map; what isn't known yet is not told."""
    before, after = change.get("before"), change.get("after")
    if before is None:
        return ""
    found = differences(change)
    if not isinstance(before, Mapping):
        return "; ".join(one.said for one in found if one.known)
    there, wanted = set(before), {*(after or {}), *_keys(change.get("after_unknown"))}
    keys = {
        "adds": wanted - there,
        "removes": there - wanted,
        "changes": {key for key in there & wanted if _has(found, key)},
    }
    return "; ".join(f"{verb} {listed(sorted(ones))}" for verb, ones in keys.items() if ones)


def _keys(unknown: Any) -> Collection[str]:
    return unknown if isinstance(unknown, Mapping) else ()


def _has(found: Sequence[Difference], key: str) -> bool:
    """Whether anything differs below a key."""
    ways = (key, json.dumps(key, ensure_ascii=False))
    return any(
        one.path == way or one.path.startswith((f"{way}.", f"{way}["))
        for one in found
        for way in ways
    )
