"""What is made, read or run that the other policies know nothing of."""

from __future__ import annotations

from collections.abc import Iterator

from northstar.environments.plan import Plan
from northstar.environments.policies.endpoints import SUBRESOURCES
from northstar.environments.policies.findings import Finding
from northstar.environments.policies.settings import SETTINGS

_WITHOUT_DATA = (
    "app_configuration_feature",
    "application_insights_workbook",
    "consumption_budget_subscription",
    "container_app_environment_storage",
    "federated_identity_credential",
    "machine_learning_workspace_network_outbound_rule_fqdn",
    "machine_learning_workspace_network_outbound_rule_private_endpoint",
    "monitor_action_group",
    "monitor_diagnostic_setting",
    "monitor_private_link_scoped_service",
    "monitor_scheduled_query_rules_alert_v2",
    "nat_gateway",
    "nat_gateway_public_ip_association",
    "network_security_group",
    "postgresql_flexible_server_active_directory_administrator",
    "postgresql_flexible_server_configuration",
    "postgresql_flexible_server_database",
    "private_dns_zone",
    "private_dns_zone_virtual_network_link",
    "private_endpoint",
    "public_ip",
    "resource_group",
    "role_assignment",
    "route_table",
    "storage_management_policy",
    "storage_share",
    "subnet",
    "subnet_nat_gateway_association",
    "subnet_network_security_group_association",
    "subnet_route_table_association",
    "user_assigned_identity",
    "virtual_network",
    "virtual_network_peering",
)
KNOWN_TYPES = frozenset(
    {
        *(f"azurerm_{one}" for one in _WITHOUT_DATA),
        *(kind for _, kind, _, _ in SETTINGS),
        *SUBRESOURCES,
        "azurerm_container_app",
    }
)
"""The types whose exposure these policies judge."""


def types(plan: Plan) -> Iterator[Finding]:
    """Nothing is made, read or run that the other policies know nothing of: it might bear data."""
    yield from _foreign(plan)
    for one in plan.resources:
        if one.type not in KNOWN_TYPES:
            message = f"The policies know nothing of the type {one.type}."
            hint = "Say in northstar/environments/policies what it needs to be private."
            yield Finding("types", one.address, message, hint)


def _foreign(plan: Plan) -> Iterator[Finding]:
    """Programs, modules and providers of others: they do what no plan shows."""
    for name, provider in plan.providers.items():
        if (full := provider.get("full_name", _PROVIDER)) != _PROVIDER:
            message, hint = f"It brings the provider {full}.", "Use azurerm alone."
            yield Finding("types", f"provider.{name}", message, hint)
    for address, call in plan.calls():
        if not str(source := call.get("source", "./")).startswith(("./", "../")):
            message = f"The module comes from {source}."
            yield Finding("types", address, message, "Use a module of this repository.")
    for address, one in plan.written():
        for program in one.get("provisioners") or ():
            message = f"It runs a program while it is applied ({program.get('type')})."
            yield Finding("types", address, message, "Do without a provisioner.")
        if one["mode"] == "data" and not one["type"].startswith("azurerm_"):
            message = f"It reads from elsewhere than Azure, by {one['type']}."
            yield Finding("types", address, message, "Give the value as a variable.")


_PROVIDER = "registry.terraform.io/hashicorp/azurerm"
