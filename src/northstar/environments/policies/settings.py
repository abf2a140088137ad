"""What one argument has to say, type by type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from northstar.environments.plan import Plan, Resource
from northstar.environments.policies.findings import Finding
from northstar.environments.policies.values import at, every, shown

PUBLIC, KEYS, TLS, PURGE = "public-access", "shared-keys", "tls", "purge-protection"
_ALERTS, _EXPORT = "alerts", "data-export"
_CLUSTER = "azurerm_machine_learning_compute_cluster"
_SERVER = "azurerm_postgresql_flexible_server"
_WORKSPACE = "azurerm_machine_learning_workspace"
SETTINGS: tuple[tuple[str, str, str, Any], ...] = (
    (PUBLIC, "azurerm_app_configuration", "public_network_access", "Disabled"),
    (PUBLIC, "azurerm_application_insights", "internet_ingestion_enabled", False),
    (PUBLIC, "azurerm_application_insights", "internet_query_enabled", False),
    (PUBLIC, "azurerm_container_app_environment", "internal_load_balancer_enabled", True),
    (PUBLIC, "azurerm_container_app_environment", "public_network_access", "Disabled"),
    (PUBLIC, "azurerm_container_registry", "public_network_access_enabled", False),
    (PUBLIC, "azurerm_container_registry", "anonymous_pull_enabled", False),
    (_EXPORT, "azurerm_container_registry", "export_policy_enabled", False),
    (PUBLIC, "azurerm_key_vault", "public_network_access_enabled", False),
    (PUBLIC, "azurerm_key_vault", "network_acls.0.default_action", "Deny"),
    (PUBLIC, "azurerm_log_analytics_workspace", "internet_ingestion_enabled", False),
    (PUBLIC, "azurerm_log_analytics_workspace", "internet_query_enabled", False),
    (PUBLIC, "azurerm_machine_learning_compute_cluster", "node_public_ip_enabled", False),
    (PUBLIC, _CLUSTER, "ssh_public_access_enabled", False),
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
    (_EXPORT, "azurerm_storage_account", "allowed_copy_scope", "PrivateLink"),
    (_EXPORT, "azurerm_storage_account", "cross_tenant_replication_enabled", False),
    (PUBLIC, "azurerm_storage_account", "network_rules.0.default_action", "Deny"),
    (PUBLIC, "azurerm_storage_account", "public_network_access_enabled", False),
    (PUBLIC, "azurerm_storage_container", "container_access_type", "private"),
    ("subnet-rules", "azurerm_subnet", "default_outbound_access_enabled", False),
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
    (KEYS, "azurerm_storage_account", "default_to_oauth_authentication", True),
    (KEYS, "azurerm_storage_account", "local_user_enabled", False),
    (KEYS, "azurerm_storage_account", "sftp_enabled", False),
    (KEYS, "azurerm_storage_account", "shared_access_key_enabled", False),
    (TLS, "azurerm_container_app_environment", "mutual_tls_enabled", True),
    (TLS, "azurerm_storage_account", "min_tls_version", "TLS1_2"),
    (PURGE, "azurerm_app_configuration", "purge_protection_enabled", True),
    (PURGE, "azurerm_key_vault", "purge_protection_enabled", True),
    (PURGE, "azurerm_key_vault", "soft_delete_retention_days", 90),
    ("subnet-rules", "azurerm_subnet", "private_endpoint_network_policies", "Enabled"),
    (_ALERTS, "azurerm_monitor_action_group", "enabled", True),
    (_ALERTS, "azurerm_monitor_scheduled_query_rules_alert_v2", "enabled", True),
)
"""What one attribute has to say: policy, type, the way to it, and the value."""

_LEFT_OUT: tuple[tuple[str, str, str, str], ...] = (
    (KEYS, _CLUSTER, "ssh", "an account on each node, with a password or key"),
    (KEYS, "azurerm_container_app", "registry.password_secret_name", "a password"),
    (KEYS, "azurerm_container_app", "registry.username", "an account with a password"),
    (
        KEYS,
        "azurerm_container_app_environment",
        "dapr_application_insights_connection_string",
        "a key",
    ),
    (KEYS, "azurerm_container_app_environment_storage", "access_key", "an account's key"),
    (KEYS, "azurerm_key_vault", "enabled_for_deployment", "secrets for machines without a role"),
    (KEYS, "azurerm_key_vault", "enabled_for_disk_encryption", "secrets without a role"),
    (KEYS, "azurerm_key_vault", "enabled_for_template_deployment", "secrets without a role"),
    (KEYS, _SERVER, "administrator_login", "an administrator with a password"),
    (KEYS, _SERVER, "administrator_password", "an administrator's password"),
    (KEYS, _SERVER, "administrator_password_wo", "an administrator's password"),
    (KEYS, "azurerm_storage_account", "azure_files_authentication", "accounts of a directory"),
    (PUBLIC, "azurerm_container_registry", "network_rule_set", "ways in from outside"),
    (PUBLIC, "azurerm_key_vault", "network_acls.ip_rules", "public addresses that get in"),
    (PUBLIC, _WORKSPACE, "serverless_compute.public_ip_enabled", "nodes with public addresses"),
    (PUBLIC, "azurerm_storage_account", "custom_domain", "a public name"),
    (PUBLIC, "azurerm_storage_account", "network_rules.ip_rules", "public addresses that get in"),
    (
        PUBLIC,
        "azurerm_storage_account",
        "network_rules.private_link_access",
        "ways around the network",
    ),
    (PUBLIC, "azurerm_storage_account", "static_website", "a public page"),
)
"""What must not be given at all: policy, type, the way to it, and what it would bring."""


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


def left_out(plan: Plan) -> Iterator[Finding]:
    """No administrators, passwords, keys or ways around the network: what must not be given."""
    for policy, kind, path, what in _LEFT_OUT:
        for one in plan.of_type(kind):
            if _is_given(one, path):  # its value is not told: it may be a password
                yield Finding(policy, one.address, f"{path} gives {what}.", f"Leave {path} out.")


def _is_given(one: Resource, path: str) -> bool:
    """Whether an argument is written with a value, or with one that the plan can't tell.

    What is not written does not count: Azure answers with values of its own.
    """
    written, known = list(every(one.expressions, path)), list(every(one.values, path))
    if not written:
        return False
    if path.endswith("_wo") or not known:  # what is written only is never in a plan
        return any(_may_be_given(expression) for expression in written)
    return any(known)


def _may_be_given(expression: Any) -> bool:
    constant = isinstance(expression, Mapping) and "constant_value" in expression
    return bool(expression["constant_value"]) if constant else True
