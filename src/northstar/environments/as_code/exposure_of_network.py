"""What a plan changes of what reaches what: rules, firewalls, ways in and out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from northstar.environments.as_code.changes import Change, Directory
from northstar.environments.as_code.differences import written
from northstar.environments.as_code.notes import NOT_KNOWN, Note, closes, doubts, opens
from northstar.environments.as_code.wording import listed, named, thing_at
from northstar.environments.plan import Plan
from northstar.environments.policies import public_addresses

_EVERYBODY = ("*", "Internet", "Any", "0.0.0.0/0", "::/0")
_REACHING: Mapping[str, str] = {
    "application_gateway": "a gateway that can be reached from outside",
    "bastion_host": "a way in for administrators",
    "cdn_frontdoor_endpoint": "a public address",
    "express_route_circuit": "a line to another network",
    "lb": "a load balancer",
    "nat_gateway": "a way out to the Internet, by an address that takes no connections",
    "private_link_service": "a way in from other networks",
    "public_ip": "a public address",
    "public_ip_prefix": "public addresses",
    "route": "another way for traffic",
    "route_table": "other ways for traffic",
    "virtual_network_gateway": "a way in from another network",
    "virtual_network_peering": "another network is joined with it",
    "vpn_gateway": "a way in from another network",
}
Rule = Mapping[str, Any]


def security_rules(changes: Sequence[Change], plan: Plan) -> Iterator[Note]:
    """What network security groups let through."""
    subnets = {
        prefix: one.key or one.name
        for one in plan.of_type("azurerm_subnet")
        for prefix in one.values.get("address_prefixes") or ()
    }
    for change in changes:
        if change.type == "network_security_rule":
            old, new = ([side] if side else [] for side in (change.before, change.after))
            rule = ("source_address_prefix", "destination_address_prefix", "access", "direction")
            if any(change.is_unknown(one) for one in rule):
                yield doubts(f"{change.named}: the rule is {NOT_KNOWN}")
            yield from _rules(change, old, new)
        elif change.type == "network_security_group" and change.kind != "destroy":
            if change.is_unknown("security_rule"):
                yield doubts(f"{change.named}: what it lets through is {NOT_KNOWN}")
            elif change.kind == "create":
                yield from _first_rules(change, subnets)
            else:
                sides = (change.before, change.after)
                old, new = (side.get("security_rule") or [] for side in sides)
                yield from _rules(change, old, new)


def unguarded_subnets(changes: Sequence[Change], directory: Directory) -> Iterator[Note]:
    """Subnets that lose their network security group."""
    gone = {one.address for one in changes if one.kind == "destroy"}
    for change in changes:
        if change.type != "subnet_network_security_group_association" or change.kind == "create":
            continue
        subnet = directory.address(change.before.get("subnet_id"))
        if change.kind == "destroy" and subnet not in gone:
            which = named(subnet) if subnet else str(change.before.get("subnet_id"))
            yield opens(f"{which} has no network rules any more: everything in the network gets in")
        elif change.kind != "destroy":
            told = [str(one) for one in change.differences if not one.follows]
            yield from [doubts(f"{change.named}: {'; '.join(told)}")] if told else []


def firewalls(changes: Sequence[Change]) -> Iterator[Note]:
    """Addresses that a service lets in."""
    for change in changes:
        if not change.type.endswith("firewall_rule"):
            continue
        if change.kind == "destroy":
            yield closes(f"{change.named} no longer lets in {_addresses(change.before)}")
        elif change.kind == "create" or change.differences:
            instead = f", instead of {_addresses(change.before)}" if change.before else ""
            yield opens(f"{change.named} lets in {_addresses(change.after)}{instead}")


def ways_out(changes: Sequence[Change], directory: Directory, plan: Plan) -> Iterator[Note]:
    """Hosts and services that training may reach."""
    resources = {one.address: one for one in plan.resources}
    for change in changes:
        kind = change.type.partition("machine_learning_workspace_network_outbound_rule_")[2]
        attribute = {"fqdn": "destination_fqdn", "private_endpoint": "service_resource_id"}.get(
            kind
        )
        if attribute is None:
            continue
        sides = (change.before, change.after)
        old, new = (_host(side.get(attribute), change, directory) for side in sides)
        if change.kind == "destroy":
            yield closes(f"{change.part}: training may no longer reach {old}")
        elif change.is_unknown(attribute) and kind == "fqdn":
            yield doubts(f"{change.named}: which host training may reach is {NOT_KNOWN}")
        elif change.kind == "create" or change.differences:
            resource = resources.get(change.address)
            led = plan.leads_to(resource, attribute) if resource and not new else ()
            new = (
                new
                or listed([thing_at(one.address, change.part) for one in led])
                or f"something {NOT_KNOWN}"
            )
            if new != old:
                instead = f", instead of {old}" if old else ""
                yield opens(f"{change.part}: training may reach {new}{instead}")


def other_ways(changes: Sequence[Change], plan: Plan) -> Iterator[Note]:
    """Resources that are there to be reached, or to reach something."""
    outgoing = {one.address for one in plan.of_type("azurerm_public_ip")}
    outgoing -= {finding.address for finding in public_addresses(plan)}
    for change in changes:
        if change.address in outgoing:
            continue  # it is told with its NAT gateway
        if change.type in _REACHING and change.kind != "destroy":
            yield opens(f"{change.named}: {_REACHING[change.type]}{_where_to(change.after)}")
        elif change.type in _REACHING:
            yield closes(f"{change.named} is removed")


def _where_to(values: Mapping[str, Any]) -> str:
    """The network that is joined, or where routes lead: `` (0.0.0.0/0 to 10.0.0.4)``."""
    routes = [
        f"{one.get('address_prefix')} to "
        f"{one.get('next_hop_in_ip_address') or one.get('next_hop_type')}"
        for one in values.get("route") or ()
    ]
    network = values.get("remote_virtual_network_id")
    said = listed([*routes, *([str(network)] if network else [])])
    return f" ({said})" if said else ""


def _first_rules(change: Change, subnets: Mapping[str, str]) -> Iterator[Note]:
    """What a new group lets through, in one line for each direction; subnets by their names."""
    rules = change.after.get("security_rule") or []
    for direction in ("Inbound", "Outbound"):
        let = [r for r in rules if (r["access"], r["direction"]) == ("Allow", direction)]
        if let:
            said = "; ".join(_reach(_by_subnets(rule, subnets)) for rule in let)
            yield opens(f"{change.named} lets {_IN_OUT[direction]}: {said}")


def _rules(change: Change, before: Sequence[Rule], after: Sequence[Rule]) -> Iterator[Note]:
    old, new = ({_key(rule): rule for rule in side} for side in (before, after))
    for key in dict.fromkeys((*new, *old)):
        was, will = old.get(key), new.get(key)
        if _content(was) == _content(will):
            continue
        allowed, allows = _is(was, "Allow"), _is(will, "Allow")
        if will and allows:
            instead = f", instead of {_words(was)}" if allowed else ""
            yield opens(f"{_lets(change, will)}{instead}")
        elif was and allowed:
            yield closes(f"{_lets(change, was).replace(' lets ', ' no longer lets ', 1)}")
        if _is(was, "Deny"):
            now = f"; it is now: {_words(will)}" if _is(will, "Deny") else ""
            yield opens(f"{change.named} no longer denies as before: {_words(was)}{now}")
        elif _is(will, "Deny") and was is None:
            yield closes(f"{change.named} denies {_words(will)}")


_IN_OUT = {"Inbound": "in", "Outbound": "out"}


def _lets(change: Change, rule: Rule) -> str:
    return (
        f"{change.named} lets {_IN_OUT.get(str(rule.get('direction')), 'through')} {_words(rule)}"
    )


def _is(rule: Rule | None, access: str) -> bool:
    return rule is not None and rule.get("access") == access


def _key(rule: Rule) -> tuple[str, str]:
    return str(rule.get("direction")), str(rule.get("name"))


def _content(rule: Rule | None) -> dict[str, Any] | None:
    unimportant = ("description", "id", "timeouts")
    return (
        None
        if rule is None
        else {k: v for k, v in rule.items() if k not in unimportant and v not in (None, [])}
    )


def _words(rule: Rule | None) -> str:
    """``10.40.2.0/24 to 10.40.0.0/26 on 443 (https-from-pipelines)``."""
    return "nothing" if rule is None else f"{_reach(rule)} ({written(rule.get('name'))[1:-1]})"


def _reach(rule: Rule) -> str:
    """``10.40.2.0/24 to 10.40.0.0/26 on 443``."""
    source, destination = _side(rule, "source"), _side(rule, "destination")
    ports = _several(rule, "destination_port_range")
    on = "every port" if ports in ("*", "0-65535") else ports or "ports that are not known"
    return f"{source} to {destination} on {on}"


def _by_subnets(rule: Rule, subnets: Mapping[str, str]) -> Rule:
    ways = [f"{side}_address_prefix" for side in ("source", "destination")]
    named_ = {way: subnets.get(str(rule.get(way)), rule.get(way)) for way in ways}
    several = {f"{way}es": [subnets.get(a, a) for a in rule.get(f"{way}es") or ()] for way in ways}
    return {**rule, **named_, **several}


def _side(rule: Rule, side: str) -> str:
    found = _several(rule, f"{side}_address_prefix", f"{side}_address_prefixes")
    groups = rule.get(f"{side}_application_security_group_ids")
    if found in _EVERYBODY:
        return "everybody" if side == "source" else "everything"
    return found or (listed(groups) if groups else "addresses that are not known")


def _several(rule: Rule, one: str, many: str = "") -> str:
    single, several = rule.get(one), rule.get(many or f"{one}s") or ()
    return ", ".join(
        str(value) for value in ([single] if single else []) + sorted(several, key=_natural)
    )


def _natural(text: str) -> tuple[int, str]:
    """Ports in the order of their numbers."""
    return len(text), text


def _addresses(values: Mapping[str, Any]) -> str:
    first, last = values.get("start_ip_address"), values.get("end_ip_address")
    if first is None or last is None:
        return f"addresses that are {NOT_KNOWN}"
    if first == last == "0.0.0.0":  # noqa: S104 - how Azure writes it
        return "everything in Azure, of other customers, too"
    return str(first) if first == last else f"{first} to {last}"


def _host(value: object, change: Change, directory: Directory) -> str:
    address = directory.address(value)
    if address:
        return thing_at(address, change.part)
    return "" if value is None else str(value)
