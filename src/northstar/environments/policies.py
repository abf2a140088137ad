"""What no environment may be planned without: pure rules over a plan's graph.

Each finding names its policy, so that an exception can be a waiver like any other. The facts on
private endpoints are Microsoft's "Azure Private Endpoint private DNS zone values".
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from northstar.environments.grants import GRANTS, Grant
from northstar.environments.plan import Plan, Resource

REGIONS = frozenset(
    {"francecentral", "germanywestcentral", "northeurope", "swedencentral", "westeurope"}
)
TAGS = ("cost_center", "environment", "owner")
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

_SUBRESOURCES: Mapping[str, tuple[str, ...]] = {
    "azurerm_app_configuration": ("configurationStores",),
    "azurerm_container_app_environment": ("managedEnvironments",),
    "azurerm_container_registry": ("registry",),
    "azurerm_key_vault": ("vault",),
    "azurerm_machine_learning_workspace": ("amlworkspace",),
    "azurerm_monitor_private_link_scope": ("azuremonitor",),
    "azurerm_postgresql_flexible_server": ("postgresqlServer",),
}
_SCOPED = ("azurerm_log_analytics_workspace", "azurerm_application_insights")
_DIAGNOSED = (
    *(one for one in _SUBRESOURCES if one != "azurerm_monitor_private_link_scope"),
    "azurerm_log_analytics_workspace",
    "azurerm_storage_account",
)

_PUBLIC, _KEYS, _TLS, _PURGE = "public-access", "shared-keys", "tls", "purge-protection"
SETTINGS: tuple[tuple[str, str, str, Any], ...] = (
    (_PUBLIC, "azurerm_app_configuration", "public_network_access", "Disabled"),
    (_PUBLIC, "azurerm_application_insights", "internet_ingestion_enabled", False),
    (_PUBLIC, "azurerm_application_insights", "internet_query_enabled", False),
    (_PUBLIC, "azurerm_container_app_environment", "internal_load_balancer_enabled", True),
    (_PUBLIC, "azurerm_container_app_environment", "public_network_access", "Disabled"),
    (_PUBLIC, "azurerm_container_registry", "public_network_access_enabled", False),
    (_PUBLIC, "azurerm_container_registry", "anonymous_pull_enabled", False),
    (_PUBLIC, "azurerm_key_vault", "public_network_access_enabled", False),
    (_PUBLIC, "azurerm_key_vault", "network_acls.0.default_action", "Deny"),
    (_PUBLIC, "azurerm_log_analytics_workspace", "internet_ingestion_enabled", False),
    (_PUBLIC, "azurerm_log_analytics_workspace", "internet_query_enabled", False),
    (_PUBLIC, "azurerm_machine_learning_compute_cluster", "node_public_ip_enabled", False),
    (_PUBLIC, "azurerm_machine_learning_workspace", "public_network_access_enabled", False),
    (
        _PUBLIC,
        "azurerm_machine_learning_workspace",
        "managed_network.0.isolation_mode",
        "AllowOnlyApprovedOutbound",
    ),
    (_PUBLIC, "azurerm_monitor_private_link_scope", "ingestion_access_mode", "PrivateOnly"),
    (_PUBLIC, "azurerm_monitor_private_link_scope", "query_access_mode", "PrivateOnly"),
    (_PUBLIC, "azurerm_postgresql_flexible_server", "public_network_access_enabled", False),
    (_PUBLIC, "azurerm_storage_account", "allow_nested_items_to_be_public", False),
    (_PUBLIC, "azurerm_storage_account", "network_rules.0.default_action", "Deny"),
    (_PUBLIC, "azurerm_storage_account", "public_network_access_enabled", False),
    (_PUBLIC, "azurerm_storage_container", "container_access_type", "private"),
    (_KEYS, "azurerm_app_configuration", "local_auth_enabled", False),
    (_KEYS, "azurerm_application_insights", "local_authentication_enabled", False),
    (_KEYS, "azurerm_container_registry", "admin_enabled", False),
    (_KEYS, "azurerm_key_vault", "rbac_authorization_enabled", True),
    (_KEYS, "azurerm_log_analytics_workspace", "local_authentication_enabled", False),
    (_KEYS, "azurerm_machine_learning_compute_cluster", "local_auth_enabled", False),
    (_KEYS, "azurerm_machine_learning_workspace", "storage_account_access_type", "Identity"),
    (
        _KEYS,
        "azurerm_postgresql_flexible_server",
        "authentication.0.active_directory_auth_enabled",
        True,
    ),
    (
        _KEYS,
        "azurerm_postgresql_flexible_server",
        "authentication.0.password_auth_enabled",
        False,
    ),
    (_KEYS, "azurerm_storage_account", "local_user_enabled", False),
    (_KEYS, "azurerm_storage_account", "shared_access_key_enabled", False),
    (_TLS, "azurerm_storage_account", "min_tls_version", "TLS1_2"),
    (_PURGE, "azurerm_app_configuration", "purge_protection_enabled", True),
    (_PURGE, "azurerm_key_vault", "purge_protection_enabled", True),
    (_PURGE, "azurerm_key_vault", "soft_delete_retention_days", 90),
)
"""What one attribute has to say: policy, type, the way to it, and the value."""

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
        *_SUBRESOURCES,
        "azurerm_container_app",
    }
)
"""The types whose exposure these policies judge."""

_SECRET_NAME = re.compile(r"(password|secret|token|private_key|access_key|connection_string)$")
_SECRET_TEXT = re.compile(
    r"AccountKey=|SharedAccessKey=|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/:@\s]+:[^/@\s]+@"
)


@dataclass(frozen=True, order=True)
class Finding:
    """What a plan has that a policy does not allow.

    Args:
        policy: the policy's name.
        address: of the resource or variable.
    """

    policy: str
    address: str
    message: str
    hint: str


def check(plan: Plan, grants: Collection[Grant] = GRANTS) -> list[Finding]:
    """Every finding of every policy, in order; empty for a plan that may be applied."""
    policies: tuple[Callable[[Plan], Iterator[Finding]], ...] = (
        settings,
        public_addresses,
        private_endpoints,
        private_dns,
        monitor_scopes,
        diagnostics,
        subnet_rules,
        tags,
        regions,
        secrets,
        types,
    )
    found = {finding for policy in policies for finding in policy(plan)}
    return sorted(found | set(roles(plan, grants)))


def settings(plan: Plan) -> Iterator[Finding]:
    """Public access off, no shared keys, TLS, purge protection: what one attribute says."""
    for policy, kind, path, wanted in SETTINGS:
        for one in plan.of_type(kind):
            given = at(one.values, path)
            if given != wanted:
                message = f"{path.replace('.0.', '.')} is {_shown(given)}."
                yield Finding(policy, one.address, message, f"Set it to {_shown(wanted)}.")
    for one in plan.of_type("azurerm_storage_account"):
        # Shares over NFS know no TLS; they are kept in accounts of this kind alone.
        encrypted = one.values.get("https_traffic_only_enabled") is True
        if not encrypted and one.values.get("account_kind") != "FileStorage":
            hint = "Set https_traffic_only_enabled to true."
            yield Finding(_TLS, one.address, "It answers without TLS.", hint)
    for one in plan.of_type("azurerm_container_app"):
        for ingress in one.values.get("ingress") or ():  # without one it answers nobody
            if ingress.get("allow_insecure_connections") is not False:
                hint = "Set ingress.allow_insecure_connections to false."
                yield Finding(_TLS, one.address, "It answers without TLS.", hint)


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
            yield Finding(_PUBLIC, one.address, message, "Do without it.")


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


def diagnostics(plan: Plan) -> Iterator[Finding]:
    """What bears data sends its logs to Log Analytics."""
    watched = {
        target
        for setting in plan.of_type("azurerm_monitor_diagnostic_setting")
        if plan.leads_to(setting, "log_analytics_workspace_id")
        for target in plan.leads_to(setting, "target_resource_id")
    }
    for one in plan.of_type(*_DIAGNOSED):
        if one not in watched:
            message, hint = "Nothing keeps its logs.", "Add an azurerm_monitor_diagnostic_setting."
            yield Finding("diagnostics", one.address, message, hint)


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


@dataclass(frozen=True)
class Right:
    """A role that a plan gives, in the words of the table of roles.

    Args:
        identities, things: who may get it on what; several where the plan can't tell yet.
        at_home: whether an identity of a squad gets it on what is not another squad's.
    """

    assignment: Resource
    identities: frozenset[str]
    role: str
    things: frozenset[str]
    at_home: bool


def rights(plan: Plan) -> Iterator[Right]:
    """Every role that a plan gives."""
    for assignment in plan.of_type("azurerm_role_assignment"):
        principals = plan.leads_to(assignment, "principal_id")
        things = plan.leads_to(assignment, "scope")
        identities = {_identity(one) for one in principals}
        if not identities and assignment.values.get("principal_type") == "Group":
            identities = {f"{assignment.modules}:people"}
        yield Right(
            assignment,
            frozenset(identities),
            assignment.values.get("role_definition_name") or "a role that is only known by id",
            frozenset(_thing(one) for one in things),
            all(_same_instances(who, on) for who in principals for on in things),
        )


def roles(plan: Plan, grants: Collection[Grant] = GRANTS) -> Iterator[Finding]:
    """Each identity has only the roles that the table gives it."""
    for right in rights(plan):
        wanted = {Grant(who, right.role, on) for who in right.identities for on in right.things}
        if wanted and wanted <= set(grants) and right.at_home:
            continue
        who, on = " or ".join(sorted(right.identities)), " or ".join(sorted(right.things))
        yield Finding(
            "roles",
            right.assignment.address,
            f"{who or 'An unknown identity'} would get {right.role} on {on or 'an unknown scope'}"
            f"{', which is not in the table of roles' if right.at_home else ' of another squad'}.",
            "Give a role of the table (docs/reference/infrastructure.md) or extend the table.",
        )


def tags(plan: Plan) -> Iterator[Finding]:
    """What can carry tags says whose it is, of which stage, and who pays."""
    for one in plan.resources:
        if "tags" not in one.values:
            continue
        missing = [tag for tag in TAGS if not (one.values["tags"] or {}).get(tag)]
        if missing:
            message = f"It has no tag {' and no '.join(missing)}."
            yield Finding("tags", one.address, message, "Give it the platform's tags.")


def regions(plan: Plan) -> Iterator[Finding]:
    """Nothing is made outside of the regions in which the company keeps data."""
    for one in plan.resources:
        location = one.values.get("location")
        if location not in (None, "global", *REGIONS):
            message = f"It would be in {location}."
            hint = f"Choose one of {', '.join(sorted(REGIONS))}."
            yield Finding("regions", one.address, message, hint)


def secrets(plan: Plan) -> Iterator[Finding]:
    """No variable has a secret for its default."""
    for address, variable in plan.variables():
        default = variable.get("default")
        named = bool(_SECRET_NAME.search(address)) and default not in (None, "", {}, [])
        if named or _SECRET_TEXT.search(str(default)):
            message = "Its default is a secret, which everybody who reads the code can see."
            hint = "Leave the default away, and let the program read the secret from the vault."
            yield Finding("secrets", address, message, hint)


def types(plan: Plan) -> Iterator[Finding]:
    """Nothing is made, read or run that the other policies know nothing of: it might bear data."""
    yield from _foreign(plan)
    for one in plan.resources:
        if one.type not in KNOWN_TYPES:
            message = f"The policies know nothing of the type {one.type}."
            hint = "Say in northstar/environments/policies.py what it needs to be private."
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
_CONNECTION = ("private_service_connection", 0)


def _needed(resource: Resource) -> tuple[str, ...]:
    """The subresources for which a resource needs private endpoints."""
    if resource.type != "azurerm_storage_account":
        return _SUBRESOURCES.get(resource.type, ())
    if resource.values.get("account_kind") == "FileStorage":
        return ("file",)
    return ("blob", "dfs", "file") if resource.values.get("is_hns_enabled") else ("blob", "file")


def _subresource(endpoint: Resource) -> str:
    return str(at(endpoint.values, "private_service_connection.0.subresource_names.0"))


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


def _same_instances(one: Resource, other: Resource) -> bool:
    """Whether two resources are of the same squad, where both are of one."""
    steps = zip(one.module, other.module, strict=False)
    return all(key == other_key for (name, key), (its, other_key) in steps if name == its)


def _identity(resource: Resource) -> str:
    return f"{resource.modules}:{resource.key or resource.name}"


def _thing(resource: Resource) -> str:
    return f"{resource.modules}:{resource.type.removeprefix('azurerm_')}"


def at(values: Any, path: str) -> Any:
    """The value at ``a.0.b``; ``None`` where the way ends before."""
    found = values
    for step in path.split("."):
        if isinstance(found, Mapping):
            found = found.get(step)
        elif isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value).lower() if value in (True, False) else value
