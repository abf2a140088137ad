"""What a plan means, for a reviewer who doesn't know Terraform.

What changes, by parts of the platform; what would be lost; what it costs; what it opens; and who
gets which rights. Values that a provider calls sensitive are never shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from northstar.environments.as_code.prices import Cost, PriceList, cost_of
from northstar.environments.as_code.wording import (
    DATA,
    bare,
    identity,
    part_of,
    target,
    thing,
    type_of,
)
from northstar.environments.domain import ChangeKind, ResourceChange
from northstar.environments.plan import Plan
from northstar.environments.policies import rights

_KINDS: Mapping[tuple[str, ...], ChangeKind] = {
    ("create",): "create",
    ("update",): "change",
    ("delete",): "destroy",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
}
_MOST_FIELDS = 4
_LONGEST = 60


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
        rights: who would get which role on what, or lose it.
        openings: what would be reached from outside of the network, or newly allowed in or out.
        cost: the difference in a month's cost.
    """

    changes: tuple[ResourceChange, ...]
    drifted: tuple[str, ...]
    lost: tuple[Lost, ...]
    rights: tuple[str, ...]
    openings: tuple[str, ...]
    cost: Cost

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
    differing = [
        (entry, kind)
        for entry in document.get("resource_changes", ())
        if entry.get("mode") == "managed"
        and (kind := _KINDS.get(tuple(entry["change"]["actions"]))) is not None
    ]
    changes = tuple(_change(entry, kind) for entry, kind in differing)
    drifted = [e["address"] for e in document.get("resource_drift", ()) if _drifted(e)]
    return Summary(
        changes,
        tuple(drifted),
        tuple(_lost(changes)),
        tuple(_rights(document, differing)),
        tuple(_openings(differing)),
        cost_of(prices, _values(differing, "after"), _values(differing, "before")),
    )


def _change(entry: Mapping[str, Any], kind: ChangeKind) -> ResourceChange:
    told = _fields(entry["change"]) if kind in ("change", "replace") else ""
    return ResourceChange(address=entry["address"], what=kind, summary=told)


def _fields(change: Mapping[str, Any]) -> str:
    """What differs between before and after: ``sku: A to B; …``."""
    before, after = change.get("before") or {}, change.get("after") or {}
    unknown = change.get("after_unknown") or {}
    told = [
        f"{name}: {_value(before.get(name), change, 'before_sensitive', name)} to "
        f"{_value(after.get(name), change, 'after_sensitive', name)}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name) and not unknown.get(name)
    ]
    more = len(told) - _MOST_FIELDS
    return "; ".join(told[:_MOST_FIELDS]) + (f"; and {more} more" if more > 0 else "")


def _value(value: Any, change: Mapping[str, Any], sensitive: str, name: str) -> str:
    hidden = change.get(sensitive)
    if hidden is True or (isinstance(hidden, Mapping) and hidden.get(name)):
        return "(a secret)"
    if value is None or value in ({}, []):
        return "nothing"
    text = "yes" if value is True else "no" if value is False else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _drifted(entry: Mapping[str, Any]) -> bool:
    return entry.get("mode") == "managed" and entry["change"]["actions"] != ["no-op"]


def _lost(changes: tuple[ResourceChange, ...]) -> Iterator[Lost]:
    for change in changes:
        data = DATA.get(type_of(change.address))
        if data and change.what in ("destroy", "replace"):
            named = f"{part_of(change.address)}: {thing(change.address)}"
            yield Lost(change.address, named, data)


def _rights(
    document: Mapping[str, Any], differing: list[tuple[Mapping[str, Any], ChangeKind]]
) -> Iterator[str]:
    """A line for each identity, and one for each right that is taken away."""
    given = {right.assignment.address: right for right in rights(Plan(document))}
    gained: dict[tuple[str, str], list[str]] = {}
    for entry, kind in differing:
        if bare(entry["type"]) != "role_assignment":
            continue
        part = part_of(entry["address"])
        if right := given.get(entry["address"]):
            who = " or ".join(sorted(identity(one) for one in right.identities)) or "somebody"
            on = " or ".join(sorted(target(one) for one in right.things)) or "something"
            gained.setdefault((part, who), []).append(f"{right.role} on {on}")
        elif kind == "destroy":
            role = (entry["change"].get("before") or {}).get("role_definition_name", "a role")
            yield f"{part}: {role} is taken away ({thing(entry['address'])})"
    for (part, who), roles in gained.items():
        named = part if who == f"the {part.lower()}" else f"{part}, {who}"
        yield f"{named}: {'; '.join(sorted(roles))}"


def _openings(differing: list[tuple[Mapping[str, Any], ChangeKind]]) -> Iterator[str]:
    """Public access, ways out of the training network, and rules that let traffic in."""
    for entry, _ in differing:
        after = entry["change"].get("after") or {}
        named = f"{part_of(entry['address'])}: {thing(entry['address'])}"
        public = after.get("public_network_access_enabled"), after.get("public_network_access")
        if public[0] is True or public[1] == "Enabled":
            yield f"{named} is reached from everywhere"
        if host := after.get("destination_fqdn"):
            yield f"{named}: training may reach {host}"
        before = (entry["change"].get("before") or {}).get("security_rule") or []
        for rule in after.get("security_rule") or []:
            if rule.get("access") == "Allow" and rule not in before:
                source = rule.get("source_address_prefix") or "several addresses"
                ports = rule.get("destination_port_range") or "several ports"
                direction = "in" if rule.get("direction") == "Inbound" else "out"
                yield f"{named} lets {direction} {source} on {ports} ({rule.get('name')})"


def _values(
    differing: list[tuple[Mapping[str, Any], ChangeKind]], side: str
) -> list[tuple[str, Mapping[str, Any]]]:
    return [
        (bare(entry["type"]), entry["change"][side])
        for entry, _ in differing
        if entry["change"].get(side)
    ]
