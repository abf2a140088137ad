"""Mistakes that somebody could make in a module are each caught, and by what has their name."""

from __future__ import annotations

from pathlib import Path

import pytest

from northstar.environments.plan import Plan
from northstar.environments.policies import Finding, check
from tests.infra.folder import Folder

_VAULT, _STORAGE = "modules/vault/main.tf", "modules/storage/main.tf"
_ENDPOINT = "modules/vault/main.privateendpoint.tf"
_EXAMPLE = "modules/vault/examples/default"

_CONNECTION = """  private_service_connection {
    name                           = "vault"
    is_manual_connection           = false
    private_connection_resource_id = azurerm_key_vault.this.id
    subresource_names              = ["vault"]
  }
"""

_AGAINST_THE_SCHEMA = {
    "a wrong attribute": (_VAULT, "sku_name  ", "sku_nome  ", "Unsupported argument"),
    "a missing attribute": (
        _STORAGE,
        "  account_replication_type          = var.replication\n",
        "",
        "Missing required argument",
    ),
    "a wrong block": (_STORAGE, "network_rules {", "network_rule {", "Unsupported block type"),
    "a missing block": (
        _ENDPOINT,
        _CONNECTION,
        "",
        "Insufficient private_service_connection blocks",
    ),
    "a wrong value": (_VAULT, '"standard"', '"cheap"', "expected sku_name to be one of"),
    "a wrong reference": (
        _ENDPOINT,
        "azurerm_key_vault.this.id",
        "azurerm_key_vault.that.id",
        "undeclared",
    ),
    "no id where one is wanted": (
        _ENDPOINT,
        "= var.private_endpoint_subnet_id",
        '= "snet-private-endpoints"',
        "expected subnet_id to be an id such as",
    ),
    "what Azure decides": (
        _VAULT,
        "  sku_name ",
        '  vault_uri = "https://x"\n  sku_name ',
        "Value for unconfigurable attribute",
    ),
}

_ROLE = """
resource "azurerm_role_assignment" "everything" {
  scope                = module.vault.id
  role_definition_name = "Owner"
  principal_id         = "22222222-2222-2222-2222-222222222222"
  principal_type       = "ServicePrincipal"
}

module "vault" {"""
_DATABASE = """
resource "azurerm_mssql_server" "this" {
  name                = "sql"
  resource_group_name = azurerm_resource_group.this.name
  location            = local.location
  version             = "12.0"
  tags                = local.tags
}

module "vault" {"""
_PASSWORD = """variable "admin_password" {
  type    = string
  default = "hunter2"
}

variable "tenant_id" {"""
_DNS = "modules/network/main.dns.tf"
_LINK = '"azurerm_private_dns_zone_virtual_network_link" "this" {\n  for_each = '
_LINKED = '{ for key, zone in local.zones : key => zone if key != "vault" }'
_RULED = '"azurerm_subnet_network_security_group_association" "this" {\n  for_each = '
_RULED_BUT_ONE = '{ for key, rules in local.rules : key => rules if key != "pipelines" }'
_RULES = "modules/network/main.rules.tf"
_EGRESS = "modules/network/main.egress.tf"
_NAT = 'var.egress == "nat" ? 1 : 0'
_ADDRESS = f'"azurerm_nat_gateway_public_ip_association" "this" {{\n  count = {_NAT}\n'

_AGAINST_A_POLICY = {
    "public access on": (
        "public-access",
        (_VAULT, "public_network_access_enabled = false", "public_network_access_enabled = true"),
    ),
    "a public address that is not a NAT gateway's": (
        "public-access",
        (_EGRESS, _ADDRESS, _ADDRESS.replace(_NAT, "0")),
    ),
    "public access left to the default": (
        "public-access",
        (_VAULT, "  public_network_access_enabled = false\n", ""),
    ),
    "a missing private endpoint": (
        "private-endpoint",
        (
            _ENDPOINT,
            'resource "azurerm_private_endpoint" "this" {',
            'resource "azurerm_private_endpoint" "this" {\n  count = 0\n',
        ),
    ),
    "an endpoint in another subnet": (
        "private-endpoint",
        (f"{_EXAMPLE}/main.tf", "subnet_ids.private_endpoints", "subnet_ids.pipelines"),
    ),
    "a missing zone": (
        "private-dns",
        (_ENDPOINT, "var.private_dns_zone_ids.vault]", "]"),
    ),
    "a missing DNS link": (
        "private-dns",
        (_DNS, f"{_LINK}local.zones", f"{_LINK}{_LINKED}"),
    ),
    "an over-broad role": ("roles", (f"{_EXAMPLE}/main.tf", '\nmodule "vault" {', _ROLE)),
    "a secret in a variable's default": (
        "secrets",
        ("modules/vault/variables.tf", 'variable "tenant_id" {', _PASSWORD),
    ),
    "access policies instead of roles": (
        "shared-keys",
        (_VAULT, "rbac_authorization_enabled    = true", "rbac_authorization_enabled    = false"),
    ),
    "no purge protection": (
        "purge-protection",
        (_VAULT, "purge_protection_enabled      = true", "purge_protection_enabled      = false"),
    ),
    "no logs": (
        "diagnostics",
        (
            "modules/vault/main.diagnostics.tf",
            'resource "azurerm_monitor_diagnostic_setting" "this" {',
            'resource "azurerm_monitor_diagnostic_setting" "this" {\n  count = 0\n',
        ),
    ),
    "a subnet without rules": (
        "subnet-rules",
        (_RULES, f"{_RULED}local.rules", f"{_RULED}{_RULED_BUT_ONE}"),
    ),
    "rules that do not end in deny": (
        "subnet-rules",
        (_RULES, 'toset(["Inbound", "Outbound"])', 'toset(["Outbound"])'),
    ),
    "tags that are lost": ("tags", (_VAULT, "= var.tags", "= {}")),
    "another region": ("regions", (_VAULT, "= var.location", '= "eastus"')),
    "what nobody has thought of": (
        "types",
        (f"{_EXAMPLE}/main.tf", '\nmodule "vault" {', _DATABASE),
    ),
}


@pytest.fixture(scope="module")
def unchanged(folder: Folder, stub: None) -> set[Finding]:
    """What is found in the example as it is: its logs go to a workspace that is not private."""
    return set(check(Plan(folder.plan(_EXAMPLE))))


@pytest.mark.parametrize("mistake", _AGAINST_THE_SCHEMA)
def test_the_schema_refuses(own_folder: Folder, mistake: str) -> None:
    file, old, new, error = _AGAINST_THE_SCHEMA[mistake]
    own_folder.change(file, old, new)
    errors = own_folder.errors(str(Path(file).parent))
    assert any(error in one for one in errors), errors


@pytest.mark.parametrize("mistake", _AGAINST_A_POLICY)
def test_a_policy_finds(own_folder: Folder, unchanged: set[Finding], mistake: str) -> None:
    policy, change = _AGAINST_A_POLICY[mistake]
    own_folder.change(*change)
    found = set(check(Plan(own_folder.plan(_EXAMPLE)))) - unchanged
    assert {one.policy for one in found} == {policy}, found
