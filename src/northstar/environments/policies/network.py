"""Who may talk to whom: public addresses and the rules of subnets."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from northstar.environments.plan import Plan
from northstar.environments.policies.findings import Finding
from northstar.environments.policies.settings import PUBLIC


def public_addresses(plan: Plan) -> Iterator[Finding]:
    """A public address is a NAT gateway's alone, which takes no connections."""
    outgoing = {
        address
        for association in plan.of_type("azurerm_nat_gateway_public_ip_association")
        for address in plan.leads_to(association, "public_ip_address_id")
    }
    for one in plan.of_type("azurerm_public_ip"):
        if one not in outgoing:
            message = "It is a public address, and not proven to be a NAT gateway's."
            yield Finding(PUBLIC, one.address, message, "Do without it.")


def subnet_rules(plan: Plan) -> Iterator[Finding]:
    """Every subnet has a network security group, whose last rules deny."""
    ruled = {
        subnet
        for association in plan.of_type("azurerm_subnet_network_security_group_association")
        if plan.leads_to(association, "network_security_group_id")
        for subnet in plan.leads_to(association, "subnet_id")
    }
    for subnet in plan.of_type("azurerm_subnet"):
        if subnet not in ruled:
            message = "It has no network security group."
            hint = "Add an azurerm_subnet_network_security_group_association."
            yield Finding("subnet-rules", subnet.address, message, hint)
    for group in plan.of_type("azurerm_network_security_group"):
        rules = group.values.get("security_rule") or []
        for direction in ("Inbound", "Outbound"):
            if not any(_denies_the_rest(rule, direction) for rule in rules):
                message = f"{direction} traffic that no rule allows is not denied."
                hint = "End with a rule of priority 4096 that denies everything."
                yield Finding("subnet-rules", group.address, message, hint)
        for rule in rules:
            sources = (
                rule.get("source_address_prefix"),
                *(rule.get("source_address_prefixes") or ()),
            )
            allows = (rule["access"], rule["direction"]) == ("Allow", "Inbound")
            if allows and any(map(_is_outside, sources)):
                message = f"The rule {rule['name']} lets in who is outside of the network."
                yield Finding("subnet-rules", group.address, message, "Name the subnet.")


def _denies_the_rest(rule: Mapping[str, Any], direction: str) -> bool:
    anything = ("source_address_prefix", "destination_address_prefix", "destination_port_range")
    return (rule["access"], rule["direction"], rule["priority"]) == ("Deny", direction, 4096) and (
        all(rule[name] == "*" for name in (*anything, "protocol"))
    )


def _is_outside(source: str | None) -> bool:
    """Whether a rule's source has addresses that are not private ones."""
    try:
        return not ipaddress.ip_network(source or "10.0.0.0/8", strict=False).is_private
    except ValueError:  # a service tag
        return source in ("*", "Any", "Internet")
