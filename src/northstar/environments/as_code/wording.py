"""What resources are called by people who don't know Terraform."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_STEP = re.compile(r'(?:^|\.)module\.([\w-]+)(?:\["([^"]+)"\])?')
_LAST = re.compile(r'(?:^|\.)([a-z0-9]+_[a-z0-9_]+)\.([\w-]+)(?:\[(?:"([^"]+)"|(\d+))\])?$')

PARTS: Mapping[str, str] = {
    "app_configuration": "Settings and flags",
    "container_registry": "Container registry",
    "control_plane": "Control plane",
    "database": "Database",
    "models": "Models and data",
    "network": "Network",
    "observability": "Observability",
    "vault": "Platform's vault",
}

_THINGS: Mapping[str, str] = {
    "app_configuration": "store of settings",
    "app_configuration_feature": "feature flag",
    "application_insights": "Application Insights",
    "application_insights_workbook": "workbook",
    "consumption_budget_subscription": "budget",
    "container_app": "container app",
    "container_app_environment": "environment for containers",
    "container_app_environment_storage": "folder for containers",
    "container_registry": "container registry",
    "federated_identity_credential": "sign-in of CI without a secret",
    "key_vault": "vault",
    "log_analytics_workspace": "log store",
    "machine_learning_compute_cluster": "training cluster",
    "machine_learning_workspace": "training workspace",
    "machine_learning_workspace_network_outbound_rule_fqdn": "way out to a host",
    "machine_learning_workspace_network_outbound_rule_private_endpoint": "private way to a service",
    "monitor_action_group": "list of alert recipients",
    "monitor_diagnostic_setting": "delivery of logs",
    "monitor_private_link_scope": "private way to Azure Monitor",
    "monitor_private_link_scoped_service": "service on the private way to Azure Monitor",
    "monitor_scheduled_query_rules_alert_v2": "alert rule",
    "nat_gateway": "gateway to leave by",
    "nat_gateway_public_ip_association": "address of the gateway to leave by",
    "network_security_group": "set of network rules",
    "postgresql_flexible_server": "database server",
    "postgresql_flexible_server_active_directory_administrator": "database administrator",
    "postgresql_flexible_server_configuration": "database setting",
    "postgresql_flexible_server_database": "database",
    "private_dns_zone": "zone of private names",
    "private_dns_zone_virtual_network_link": "link of a zone with the network",
    "private_endpoint": "private endpoint",
    "public_ip": "public address",
    "resource_group": "resource group",
    "role_assignment": "role assignment",
    "route_table": "table of routes",
    "storage_account": "storage account",
    "storage_container": "container for data",
    "storage_management_policy": "schedule of deletions",
    "storage_share": "shared folder",
    "subnet": "subnet",
    "subnet_nat_gateway_association": "exit of a subnet",
    "subnet_route_table_association": "route of a subnet",
    "subnet_network_security_group_association": "link of network rules with a subnet",
    "user_assigned_identity": "identity",
    "virtual_network": "network",
    "virtual_network_peering": "peering with the hub",
}
_HEAD = re.compile(r"^(.*?)(?= (?:of|for|with|to|on|without|out to) |$)")
"""The noun that takes the plural: ``delivery`` of ``delivery of logs``."""

_ALONE = ("app_configuration", "container_registry", "observability")
"""Modules whose things need not be told apart by the part that they are of."""

_INSIDE_OF_SQUADS: Mapping[str, str] = {
    "": "",
    "machine_learning": "",
    "registry": "",
    "vault": "",
    "workspace_storage": "the workspace",
}
"""What the things of a module inside of a squad's are told apart by; nothing where it has one."""

DATA: Mapping[str, str] = {
    "app_configuration": "settings and flags",
    "container_registry": "images",
    "key_vault": "secrets (they can be recovered for 90 days)",
    "log_analytics_workspace": "logs",
    "machine_learning_workspace": "jobs and their history",
    "postgresql_flexible_server": "all databases on it",
    "postgresql_flexible_server_database": "the database",
    "storage_account": "everything that is stored in it",
    "storage_container": "everything that is stored in it",
    "storage_share": "everything that is stored in it",
}
"""What is lost with a resource of a type."""


def part_of(address: str) -> str:
    """The part of the platform that an address belongs to: a squad, an endpoint, or a module."""
    step = _STEP.match(address)
    if step is None:
        return "Platform"
    module, key = step.groups()
    if module == "squad" and key:
        return f"Squad {key}"
    if module == "endpoint" and key:
        squad, _, project = key.partition("/")
        return f"Squad {squad}, endpoint {project}"
    return PARTS.get(module, module.replace("_", " ").capitalize())


def thing(address: str) -> str:
    """What a resource is, with its name where there are several: ``vault``, ``identity ci``."""
    found = _LAST.search(address)
    if found is None:
        return address
    _, name, key, number = found.groups()
    own = key or ("" if number or name == "this" else name.replace("_", " "))
    return f"{noun(address)} {own}".strip()


def named(address: str) -> str:
    """Part and thing: ``Squad operations: vault``."""
    return f"{part_of(address)}: {thing(address)}"


def identity_at(address: str, part: str) -> str:
    """Who the identity at an address is, said by a part of the platform: ``its CI``."""
    whose = part_of(address)
    found = _LAST.search(address)
    if not whose.startswith("Squad ") or found is None:
        return f"the {lowered(whose)}"
    _, name, key, _ = found.groups()
    own = "CI" if key == "ci" else f"{(key or name).replace('_', ' ')} identity"
    return f"its {own}" if whose == part else f"{own} of {lowered(whose)}"


def thing_at(address: str, part: str) -> str:
    """What is at an address, said by a part of the platform: ``its vault``."""
    whose = part_of(address)
    if whose == part:
        return f"its {thing(address)}"
    word, whole = noun(address), lowered(whose)
    alone = word in whole or whole in word
    return f"the {thing(address)}{'' if alone else f' of {_whole(whole)}'}"


def target(name: str) -> str:
    """What ``MODULE:TYPE`` of the table of roles is: ``its vault``, ``the container registry``."""
    module, _, kind = name.partition(":")
    word = _THINGS.get(kind, kind.replace("_", " "))
    first, _, inner = module.partition(".")
    if first == "squad":
        apart = _INSIDE_OF_SQUADS.get(inner, inner.replace("_", " "))
        return f"its {word} of {apart}" if apart else f"its {word}"
    if name == "vault:key_vault":
        return "the platform's vault"
    part = PARTS.get(first, module.replace("_", " ")).lower()
    alone = first in _ALONE or word in part or part in word
    article = "" if word[0].isupper() else "the "
    return f"{article}{word}" if alone else f"{article}{word} of {_whole(part)}"


def counted(count: int, noun_: str) -> str:
    """``1 private endpoint``, ``2 private endpoints``, ``3 deliveries of logs``."""
    if count == 1 or noun_.endswith("Insights"):
        return f"{count} {noun_}"
    found = _HEAD.match(noun_)
    head = found.group(1) if found else noun_
    ending = "es" if re.search(r"(s|x|ch|sh)$", head) else "s"
    plural = f"{head[:-1]}ies" if re.search(r"[^aeiou]y$", head) else f"{head}{ending}"
    return f"{count} {plural}{noun_[len(head) :]}"


def lowered(text: str) -> str:
    """A text that goes on in a sentence: its first letter small."""
    return text[:1].lower() + text[1:]


def listed(words: Sequence[str], last: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``; empty for none."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _whole(part: str) -> str:
    """A part in the middle of a sentence: ``the control plane``, ``squad cargo``."""
    bare_ = part.startswith("squad ") or part in ("models and data", "settings and flags")
    return part if bare_ else f"the {part}"


def noun(address: str) -> str:
    """What kind of resource an address is of: ``private endpoint``."""
    return noun_of(type_of(address)) or address


def noun_of(kind: str) -> str:
    """What a type without its provider is called: ``private endpoint``."""
    return _THINGS.get(kind, kind.replace("_", " "))


def type_of(address: str) -> str:
    """The type of an address, without the provider: ``key_vault``."""
    found = _LAST.search(address)
    return bare(found.group(1)) if found else ""


def bare(kind: str) -> str:
    """A type without its provider."""
    return kind.partition("_")[2]
