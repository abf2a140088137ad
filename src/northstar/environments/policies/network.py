"""Who may talk to whom: public addresses and the rules of subnets."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from northstar.environments.plan import Plan, Resource
from northstar.environments.policies.findings import Finding
from northstar.environments.policies.settings import PUBLIC

_PRIVATE = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_PROBES = frozenset({"AzureLoadBalancer"})
SERVICES = frozenset(
    {
        "AzureActiveDirectory",
        "AzureContainerRegistry",
        "AzureDevOps",
        "AzureFrontDoor.FirstParty",
        "AzureMonitor",
        "AzureResourceManager",
        "MicrosoftContainerRegistry",
    }
)
"""Services of Azure that a subnet may reach; the broad ones, such as AzureCloud, are not."""
_HOST = re.compile(r"(\*\.)?[\w-]+(\.[\w-]+)+")


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
        behind_a_firewall = _is_behind_a_firewall(plan, group)
        for rule in rules:
            if rule["access"] == "Allow":
                for what, hint in _objections(rule, behind_a_firewall=behind_a_firewall):
                    message = f"The rule {rule['name']} {what}."
                    yield Finding("subnet-rules", group.address, message, hint)


def outbound_hosts(plan: Plan) -> Iterator[Finding]:
    """Training reaches hosts that have a name, not whole top-level domains."""
    for one in plan.of_type("azurerm_machine_learning_workspace_network_outbound_rule_fqdn"):
        host = str(one.values.get("destination_fqdn"))
        if not _HOST.fullmatch(host):
            message = f"The managed network could reach {host}."
            yield Finding("subnet-rules", one.address, message, "Name a host.")


def _objections(rule: Mapping[str, Any], *, behind_a_firewall: bool) -> Iterator[tuple[str, str]]:
    """What a rule lets through that it should not."""
    sources, destinations = _prefixes(rule, "source"), _prefixes(rule, "destination")
    if rule["direction"] == "Inbound":
        if not sources or not all(one in _PROBES or _is_private(one) for one in sources):
            yield "lets in who is outside of the network", "Name the subnet."
    else:
        services = SERVICES | ({"Internet"} if behind_a_firewall else set())
        if not destinations or not all(_is_private(one) or one in services for one in destinations):
            yield "lets out to where nobody said that it may", "Name a subnet or a service."
    ports = {rule.get("destination_port_range"), *(rule.get("destination_port_ranges") or ())}
    inside = sources == destinations and len(sources) == 1 and _is_private(sources[0])
    if ports & {"*", "0-65535", "1-65535"} and not inside:
        yield "opens all ports", "Name the ports."


def _prefixes(rule: Mapping[str, Any], end: str) -> list[str]:
    one, more = rule.get(f"{end}_address_prefix"), rule.get(f"{end}_address_prefixes")
    return [prefix for prefix in (one, *(more or ())) if prefix]


def _is_behind_a_firewall(plan: Plan, group: Resource) -> bool:
    """Whether all that the group's subnets send goes over a firewall, which says where to."""
    associations = plan.of_type("azurerm_subnet_network_security_group_association")
    subnets = {
        subnet
        for one in associations
        if group in plan.leads_to(one, "network_security_group_id")
        for subnet in plan.leads_to(one, "subnet_id")
    }
    routed = {
        subnet
        for one in plan.of_type("azurerm_subnet_route_table_association")
        for table in plan.leads_to(one, "route_table_id")
        if any(_leads_to_a_firewall(route) for route in table.values.get("route") or ())
        for subnet in plan.leads_to(one, "subnet_id")
    }
    return bool(subnets) and subnets <= routed


def _leads_to_a_firewall(route: Mapping[str, Any]) -> bool:
    kind = (route.get("address_prefix"), route.get("next_hop_type"))
    return kind == ("0.0.0.0/0", "VirtualAppliance")


def _denies_the_rest(rule: Mapping[str, Any], direction: str) -> bool:
    anything = ("source_address_prefix", "destination_address_prefix", "destination_port_range")
    return (rule["access"], rule["direction"], rule["priority"]) == ("Deny", direction, 4096) and (
        all(rule[name] == "*" for name in (*anything, "protocol"))
    )


def _is_private(prefix: str) -> bool:
    try:
        network = ipaddress.ip_network(prefix, strict=False)
    except ValueError:  # a service tag
        return False
    return any(network.version == 4 and network.subnet_of(one) for one in _PRIVATE)
