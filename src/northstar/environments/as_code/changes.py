"""The resources that a plan changes, and what the ids in them stand for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from northstar.environments.as_code.differences import (
    UNKNOWN,
    Difference,
    differences,
    without_secrets,
)
from northstar.environments.as_code.wording import bare, named, part_of, thing_at
from northstar.environments.domain import ChangeKind
from northstar.environments.plan import Plan, Resource

_KINDS: Mapping[tuple[str, ...], ChangeKind] = {
    ("create",): "create",
    ("update",): "change",
    ("delete",): "destroy",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("create", "forget"): "replace",
}
_IDS = {"user_assigned_identity": ("id", "principal_id", "client_id")}
PROVIDERS_OWN: Mapping[str, tuple[str, ...]] = {
    "app_configuration": (
        "primary_read_key",
        "primary_write_key",
        "secondary_read_key",
        "secondary_write_key",
    ),
    "container_app": ("ingress.custom_domain", "ingress.fqdn", "outbound_ip_addresses"),
    "container_registry": ("data_endpoint_host_names",),
    "private_endpoint": ("custom_dns_configs", "network_interface", "private_dns_zone_configs"),
    "route_table": ("subnets",),
    "subnet": ("ip_address_pool.allocated_ip_address_prefixes",),
    "virtual_network": ("ip_address_pool.allocated_ip_address_prefixes",),
}
"""What no configuration can set, and what can't be told from what is written: lists, and what is in
dynamic blocks.
"""

_NOTHING = (("no-op",), ("read",), ("forget",))


@dataclass(frozen=True)
class Reference:
    """What an id is of, and whether it still will be, only made anew."""

    address: str
    follows: bool


@dataclass(frozen=True)
class Change:
    """What a plan does to one resource.

    Attributes:
        type: without its provider, such as ``key_vault``.
        entry: as ``terraform show -json`` has it.
        written: how its arguments are written, where that is known; what isn't is the provider's,
            and an unknown value among that says nothing.
        referring: what ids that will be others are of, by the ways to them.
    """

    address: str
    type: str
    kind: ChangeKind
    entry: Mapping[str, Any]
    written: Mapping[str, Any]
    referring: Mapping[str, Reference] = field(default_factory=dict)

    @cached_property
    def before(self) -> Mapping[str, Any]:
        """Its values as they are, secrets withheld; empty if it is new."""
        change = self.entry["change"]
        return without_secrets(change.get("before"), change.get("before_sensitive")) or {}

    @cached_property
    def after(self) -> Mapping[str, Any]:
        """Its values as they will be, as far as they are known, secrets withheld; or empty."""
        change = self.entry["change"]
        return without_secrets(change.get("after"), change.get("after_sensitive")) or {}

    @property
    def part(self) -> str:
        """The part of the platform that it is of."""
        return part_of(self.address)

    @property
    def named(self) -> str:
        """Part and thing: ``Squad operations: vault``."""
        return named(self.address)

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """The leaves that differ; none for what is new or removed as a whole."""
        if self.kind in ("create", "destroy"):
            return ()
        found = differences(self.entry["change"])
        if self.kind == "replace":
            found = tuple(one for one in found if one.known or self.sets(one))
        return tuple(map(self._in_words, found))

    def _in_words(self, one: Difference) -> Difference:
        reference = self.referring.get(one.path)
        if reference is None:
            return one
        what = thing_at(reference.address, self.part)
        if reference.follows:
            return replace(one, said=f"that of {what}, which is made anew", follows=True)
        return replace(one, said=f"that of {what} -> {UNKNOWN}")

    def sets(self, difference: Difference) -> bool:
        """Whether the configuration says what a leaf will be; also where that can't be ruled out.

        Dynamic blocks don't stand in a plan's configuration: what is below one, and what is more
        than a single value, counts as written.
        """
        if difference.pattern in PROVIDERS_OWN.get(self.type, ()):
            return False
        *blocks, leaf = difference.pattern.split(".")
        places: list[Mapping[str, Any]] = [self.written]
        for block in blocks:
            inner = [one.get(block) for one in places]
            if not any(inner):
                return True
            places = [one for found in inner for one in _blocks(found)]
        is_single = not isinstance(difference.before, list | Mapping)
        return not is_single or any(leaf in one for one in places)

    def is_unknown(self, attribute: str) -> bool:
        """Whether an attribute, or anything in it, is only known after the apply."""
        return _any(self.entry["change"].get("after_unknown"), attribute)

    def is_secret(self, attribute: str) -> bool:
        """Whether an attribute, or anything in it, is withheld."""
        change = self.entry["change"]
        return _any(change.get("after_sensitive"), attribute) or _any(
            change.get("before_sensitive"), attribute
        )


class Directory:
    """What the ids of a plan stand for: addresses of resources by their ids."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._addresses: dict[str, str] = {}
        for entry in document.get("resource_changes", ()):
            for side in ("before", "after"):
                values = entry["change"].get(side) or {}
                for name in _IDS.get(bare(entry["type"]), ("id",)):
                    if isinstance(one := values.get(name), str) and entry["mode"] == "managed":
                        self._addresses.setdefault(one.lower(), entry["address"])

    def address(self, reference: object) -> str | None:
        """The resource with this id, or the identity with this principal's."""
        return self._addresses.get(reference.lower()) if isinstance(reference, str) else None

    def holder(self, reference: object) -> str | None:
        """The resource with this id, or the one that it is a part of."""
        parts = str(reference).split("/")
        ids = ("/".join(parts[:end]) for end in range(len(parts), 0, -1))
        return next((found for one in ids if (found := self.address(one))), None)


def changes_of(document: Mapping[str, Any], plan: Plan) -> list[Change]:
    """Every managed resource that differs; an action that we don't know counts as a change."""
    written = {one.address: one.expressions for one in plan.resources}
    found = [
        Change(
            entry["address"],
            bare(entry["type"]),
            _KINDS.get(actions, "change"),
            entry,
            written.get(entry["address"], {}),
        )
        for entry in document.get("resource_changes", ())
        if entry.get("mode") == "managed"
        and (actions := tuple(entry["change"]["actions"])) not in _NOTHING
    ]
    anew = {one.address for one in found if one.kind == "replace"}
    if not anew:
        return found
    directory = Directory(document)
    resources = {one.address: one for one in plan.resources}
    return [
        replace(one, referring=_referring(one, resources.get(one.address), anew, directory, plan))
        for one in found
    ]


def unusual(document: Mapping[str, Any]) -> Iterator[str]:
    """What Terraform does besides: moves, takes over, lets go, and reads while it applies."""
    for entry in document.get("resource_changes", ()):
        change = entry["change"]
        what = named(entry["address"])
        if previous := entry.get("previous_address"):
            yield f"{what} was {named(previous)} until now: it moves, with all that it holds"
        if importing := change.get("importing"):
            yield f"{what} is taken over, as it stands: {importing.get('id', 'an unknown id')}"
        if "forget" in change["actions"]:
            yield f"{what} stays as it is, but nothing watches it any more"
        if entry.get("mode") == "data" and change["actions"] == ["read"]:
            yield f"{what} is only read in the apply"
    if document.get("deferred_changes"):
        yield "Terraform leaves some of it for another plan, which this one does not show"
    if document.get("complete") is False:
        yield "Terraform says that this plan is not complete"


def _referring(
    change: Change,
    resource: Resource | None,
    anew: Collection[str],
    directory: Directory,
    plan: Plan,
) -> dict[str, Reference]:
    """What those ids were of that are not known yet, as it is made anew.

    The same as before is only what the configuration names, and nothing else beside it.
    """
    found: dict[str, Reference] = {}
    for one in change.differences:
        before = one.before if isinstance(one.before, list) else [one.before]
        old = {directory.address(value) for value in before}
        if one.known or one.secret or len(old) != 1 or not old <= set(anew):
            continue
        led = plan.leads_to(resource, *_steps(change.written, one.pattern)) if resource else ()
        follows = {target.address for target in led} == old
        found[one.path] = Reference(str(*old), follows)
    return found


def _steps(expressions: Mapping[str, Any], pattern: str) -> list[str | int]:
    """The way to an argument in a configuration, through blocks that there is one of each."""
    steps: list[str | int] = []
    place: Any = expressions
    for name in pattern.split("."):
        if isinstance(place, list):
            if len(place) != 1:
                return ["(several)"]
            steps.append(0)
            place = place[0]
        steps.append(name)
        place = place.get(name, {}) if isinstance(place, Mapping) else {}
    return steps


def _blocks(expression: Any) -> list[Mapping[str, Any]]:
    """The blocks behind a name in a configuration: it has one, or a list of them."""
    found = expression if isinstance(expression, list) else [expression]
    return [one for one in found if isinstance(one, Mapping)]


def _any(tree: Any, attribute: str) -> bool:
    if tree is True:
        return True
    return isinstance(tree, Mapping) and _holds(tree.get(attribute))


def _holds(tree: Any) -> bool:
    if isinstance(tree, Mapping):
        return any(map(_holds, tree.values()))
    return any(map(_holds, tree)) if isinstance(tree, list) else tree is True
