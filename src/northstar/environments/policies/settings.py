"""What one argument has to say, type by type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from northstar.environments.plan import Plan
from northstar.environments.policies.findings import Finding
from northstar.environments.policies.values import at, shown

PUBLIC, KEYS, TLS, PURGE = "public-access", "shared-keys", "tls", "purge-protection"
SETTINGS: tuple[tuple[str, str, str, Any], ...] = (
    (PUBLIC, "azurerm_app_configuration", "public_network_access", "Disabled"),
    (PUBLIC, "azurerm_application_insights", "internet_ingestion_enabled", False),
    (PUBLIC, "azurerm_application_insights", "internet_query_enabled", False),
    (PUBLIC, "azurerm_container_app_environment", "internal_load_balancer_enabled", True),
    (PUBLIC, "azurerm_container_app_environment", "public_network_access", "Disabled"),
    (PUBLIC, "azurerm_container_registry", "public_network_access_enabled", False),
    (PUBLIC, "azurerm_container_registry", "anonymous_pull_enabled", False),
    (PUBLIC, "azurerm_key_vault", "public_network_access_enabled", False),
    (PUBLIC, "azurerm_key_vault", "network_acls.0.default_action", "Deny"),
    (PUBLIC, "azurerm_log_analytics_workspace", "internet_ingestion_enabled", False),
    (PUBLIC, "azurerm_log_analytics_workspace", "internet_query_enabled", False),
    (PUBLIC, "azurerm_machine_learning_compute_cluster", "node_public_ip_enabled", False),
    (PUBLIC, "azurerm_machine_learning_workspace", "public_network_access_enabled", False),
    (
        PUBLIC,
        "azurerm_machine_learning_workspace",
        "managed_network.0.isolation_mode",
        "AllowOnlyApprovedOutbound",
    ),
    (PUBLIC, "azurerm_monitor_private_link_scope", "ingestion_access_mode", "PrivateOnly"),
    (PUBLIC, "azurerm_monitor_private_link_scope", "query_access_mode", "PrivateOnly"),
    (PUBLIC, "azurerm_postgresql_flexible_server", "public_network_access_enabled", False),
    (PUBLIC, "azurerm_storage_account", "allow_nested_items_to_be_public", False),
    (PUBLIC, "azurerm_storage_account", "network_rules.0.default_action", "Deny"),
    (PUBLIC, "azurerm_storage_account", "public_network_access_enabled", False),
    (PUBLIC, "azurerm_storage_container", "container_access_type", "private"),
    (KEYS, "azurerm_app_configuration", "local_auth_enabled", False),
    (KEYS, "azurerm_application_insights", "local_authentication_enabled", False),
    (KEYS, "azurerm_container_registry", "admin_enabled", False),
    (KEYS, "azurerm_key_vault", "rbac_authorization_enabled", True),
    (KEYS, "azurerm_log_analytics_workspace", "local_authentication_enabled", False),
    (KEYS, "azurerm_machine_learning_compute_cluster", "local_auth_enabled", False),
    (KEYS, "azurerm_machine_learning_workspace", "storage_account_access_type", "Identity"),
    (
        KEYS,
        "azurerm_postgresql_flexible_server",
        "authentication.0.active_directory_auth_enabled",
        True,
    ),
    (
        KEYS,
        "azurerm_postgresql_flexible_server",
        "authentication.0.password_auth_enabled",
        False,
    ),
    (KEYS, "azurerm_storage_account", "local_user_enabled", False),
    (KEYS, "azurerm_storage_account", "shared_access_key_enabled", False),
    (TLS, "azurerm_storage_account", "min_tls_version", "TLS1_2"),
    (PURGE, "azurerm_app_configuration", "purge_protection_enabled", True),
    (PURGE, "azurerm_key_vault", "purge_protection_enabled", True),
    (PURGE, "azurerm_key_vault", "soft_delete_retention_days", 90),
)
"""What one attribute has to say: policy, type, the way to it, and the value."""


def settings(plan: Plan) -> Iterator[Finding]:
    """Public access off, no shared keys, TLS, purge protection: what one attribute says."""
    for policy, kind, path, wanted in SETTINGS:
        for one in plan.of_type(kind):
            given = at(one.values, path)
            if given != wanted:
                message = f"{path.replace('.0.', '.')} is {shown(given)}."
                yield Finding(policy, one.address, message, f"Set it to {shown(wanted)}.")
    for one in plan.of_type("azurerm_storage_account"):
        # Shares over NFS know no TLS; they are kept in accounts of this kind alone.
        encrypted = one.values.get("https_traffic_only_enabled") is True
        if not encrypted and one.values.get("account_kind") != "FileStorage":
            hint = "Set https_traffic_only_enabled to true."
            yield Finding(TLS, one.address, "It answers without TLS.", hint)
    for one in plan.of_type("azurerm_container_app"):
        for ingress in one.values.get("ingress") or ():  # without one it answers nobody
            if ingress.get("allow_insecure_connections") is not False:
                hint = "Set ingress.allow_insecure_connections to false."
                yield Finding(TLS, one.address, "It answers without TLS.", hint)
