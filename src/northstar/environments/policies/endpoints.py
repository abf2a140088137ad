"""Private endpoints and their names.

The facts are Microsoft's "Azure Private Endpoint private DNS zone values".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from northstar.environments.plan import Plan, Resource
from northstar.environments.policies.findings import Finding
from northstar.environments.policies.values import at

ENDPOINT_SUBNET = "snet-private-endpoints"
ZONES: Mapping[str, tuple[str, ...]] = {
    "amlworkspace": ("privatelink.api.azureml.ms", "privatelink.notebooks.azure.net"),
    "azuremonitor": (
        "privatelink.monitor.azure.com",
        "privatelink.oms.opinsights.azure.com",
        "privatelink.ods.opinsights.azure.com",
        "privatelink.agentsvc.azure-automation.net",
        "privatelink.blob.core.windows.net",
    ),
    "blob": ("privatelink.blob.core.windows.net",),
    "configurationStores": ("privatelink.azconfig.io",),
    "dfs": ("privatelink.dfs.core.windows.net",),
    "file": ("privatelink.file.core.windows.net",),
    "managedEnvironments": ("privatelink.{location}.azurecontainerapps.io",),
    "postgresqlServer": ("privatelink.postgres.database.azure.com",),
    "registry": ("privatelink.azurecr.io",),
    "vault": ("privatelink.vaultcore.azure.net",),
}
"""The private DNS zones that an endpoint of a subresource is entered in."""
SUBRESOURCES: Mapping[str, tuple[str, ...]] = {
    "azurerm_app_configuration": ("configurationStores",),
    "azurerm_container_app_environment": ("managedEnvironments",),
    "azurerm_container_registry": ("registry",),
    "azurerm_key_vault": ("vault",),
    "azurerm_machine_learning_workspace": ("amlworkspace",),
    "azurerm_monitor_private_link_scope": ("azuremonitor",),
    "azurerm_postgresql_flexible_server": ("postgresqlServer",),
}
_SCOPED = ("azurerm_log_analytics_workspace", "azurerm_application_insights")


def private_endpoints(plan: Plan) -> Iterator[Finding]:
    """Every data-bearing resource has its endpoints, each in the subnet for them."""
    reached: dict[Resource, set[str]] = {}
    for endpoint in plan.of_type("azurerm_private_endpoint"):
        for target in plan.leads_to(endpoint, *_CONNECTION, "private_connection_resource_id"):
            reached.setdefault(target, set()).add(_subresource(endpoint))
        subnets = plan.leads_to(endpoint, "subnet_id")
        if {one.values.get("name") for one in subnets} != {ENDPOINT_SUBNET}:
            yield Finding(
                "private-endpoint",
                endpoint.address,
                f"It is not proven to be in the subnet {ENDPOINT_SUBNET}.",
                "Give it the network module's subnet_ids.private_endpoints.",
            )
    for one in plan.resources:
        for subresource in set(_needed(one)) - reached.get(one, set()):
            yield Finding(
                "private-endpoint",
                one.address,
                f"No private endpoint for {subresource} leads to it.",
                "Add an azurerm_private_endpoint with it as private_connection_resource_id.",
            )


def private_dns(plan: Plan) -> Iterator[Finding]:
    """Every endpoint is entered in its zones, and each zone is linked with its network."""
    linked: dict[Resource, set[Any]] = {}
    for link in plan.of_type("azurerm_private_dns_zone_virtual_network_link"):
        for network in plan.leads_to(link, "virtual_network_id"):
            linked.setdefault(network, set()).add(link.values.get("private_dns_zone_name"))
    for endpoint in plan.of_type("azurerm_private_endpoint"):
        group = ("private_dns_zone_group", 0, "private_dns_zone_ids")
        entered = {one.values.get("name") for one in plan.leads_to(endpoint, *group)}
        known = [
            linked.get(network, set())
            for subnet in plan.leads_to(endpoint, "subnet_id")
            for network in plan.leads_to(subnet, "virtual_network_name")
        ]
        location = endpoint.values.get("location")
        for zone in ZONES.get(_subresource(endpoint), ()):
            name = zone.format(location=location)
            if name not in entered:
                message = f"It is not entered in the zone {name}."
                hint = "Name the zone in private_dns_zone_group."
                yield Finding("private-dns", endpoint.address, message, hint)
            elif not known or not all(name in names for names in known):
                message = f"The zone {name} is not linked with the endpoint's network."
                hint = "Add an azurerm_private_dns_zone_virtual_network_link."
                yield Finding("private-dns", endpoint.address, message, hint)


def monitor_scopes(plan: Plan) -> Iterator[Finding]:
    """Log Analytics and Application Insights are reached over a private link scope."""
    scoped = {
        target
        for service in plan.of_type("azurerm_monitor_private_link_scoped_service")
        if plan.leads_to(service, "scope_name")
        for target in plan.leads_to(service, "linked_resource_id")
    }
    for one in plan.of_type(*_SCOPED):
        if one not in scoped:
            message = "It is in no private link scope of Azure Monitor."
            hint = "Add an azurerm_monitor_private_link_scoped_service."
            yield Finding("private-endpoint", one.address, message, hint)


_CONNECTION = ("private_service_connection", 0)


def _needed(resource: Resource) -> tuple[str, ...]:
    """The subresources for which a resource needs private endpoints."""
    if resource.type != "azurerm_storage_account":
        return SUBRESOURCES.get(resource.type, ())
    if resource.values.get("account_kind") == "FileStorage":
        return ("file",)
    return ("blob", "dfs", "file") if resource.values.get("is_hns_enabled") else ("blob", "file")


def _subresource(endpoint: Resource) -> str:
    return str(at(endpoint.values, "private_service_connection.0.subresource_names.0"))
