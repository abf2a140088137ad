"""What resources are called by people who don't know Terraform."""

from __future__ import annotations

import re
from collections.abc import Mapping

_STEP = re.compile(r'(?:^|\.)module\.([\w-]+)(?:\["([^"]+)"\])?')
_LAST = re.compile(r'(?:^|\.)([a-z0-9]+_[a-z0-9_]+)\.([\w-]+)(?:\[(?:"([^"]+)"|(\d+))\])?$')

PARTS: Mapping[str, str] = {
    "app_configuration": "Settings and flags",
    "container_registry": "Container registry",
    "control_plane": "Control plane",
    "database": "Database",
    "machine_learning": "Training workspace",
    "machine_learning_storage": "Training workspace",
    "machine_learning_vault": "Training workspace",
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
    "monitor_action_group": "list of whom alerts are sent to",
    "monitor_diagnostic_setting": "sending of logs",
    "monitor_private_link_scope": "private way to Azure Monitor",
    "monitor_private_link_scoped_service": "service on the private way to Azure Monitor",
    "monitor_scheduled_query_rules_alert_v2": "alert rule",
    "network_security_group": "network rules",
    "postgresql_flexible_server": "database server",
    "postgresql_flexible_server_active_directory_administrator": "database administrator",
    "postgresql_flexible_server_configuration": "database setting",
    "postgresql_flexible_server_database": "database",
    "private_dns_zone": "private names",
    "private_dns_zone_virtual_network_link": "link of private names with the network",
    "private_endpoint": "private endpoint",
    "resource_group": "resource group",
    "role_assignment": "right",
    "storage_account": "storage account",
    "storage_container": "container for data",
    "storage_share": "shared folder",
    "subnet": "subnet",
    "subnet_network_security_group_association": "link of network rules with a subnet",
    "user_assigned_identity": "identity",
    "virtual_network": "network",
}

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
    word = noun(address)
    named = key or ("" if number or name == "this" else name.replace("_", " "))
    return f"{word} {named}".strip()


def identity(name: str) -> str:
    """Who ``MODULE:NAME`` of the table of roles is: ``its training``, ``the control plane``."""
    module, _, own = name.partition(":")
    if module == "squad":
        return {"people": "its members", "ci": "its CI"}.get(own, f"its {own}")
    return f"the {PARTS.get(module, module.replace('_', ' ')).lower()}"


def target(name: str) -> str:
    """What ``MODULE:TYPE`` of the table of roles is: ``its vault``, ``the container registry``."""
    module, _, kind = name.partition(":")
    word = _THINGS.get(kind, kind.replace("_", " "))
    if module.partition(".")[0] == "squad":
        own = module.partition(".")[2]
        return f"its {word}" if own in ("", "vault") else f"its {word} of {own}"
    part = PARTS.get(module.partition(".")[0], module.replace("_", " ")).lower()
    return f"the {word}" if word in part or part in word else f"the {word} of {part}"


def noun(address: str) -> str:
    """What kind of resource an address is of: ``private endpoint``."""
    kind = type_of(address)
    return _THINGS.get(kind, kind.replace("_", " ")) or address


def type_of(address: str) -> str:
    """The type of an address, without the provider: ``key_vault``."""
    found = _LAST.search(address)
    return bare(found.group(1)) if found else ""


def bare(kind: str) -> str:
    """A type without its provider."""
    return kind.partition("_")[2]
