# Planned with a mocked provider: its schema and its checks are the real ones, and nothing is asked
# of Azure.
mock_provider "azurerm" {}

variables {
  name                       = "kv-northstar-test"
  resource_group_name        = "rg-test"
  location                   = "westeurope"
  tenant_id                  = "11111111-1111-1111-1111-111111111111"
  private_endpoint_subnet_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/virtualNetworks/vnet-test/subnets/snet-private-endpoints"
  log_analytics_workspace_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.OperationalInsights/workspaces/log-test"
  private_dns_zone_ids       = { vault = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.vaultcore.azure.net" }
  tags = {
    owner       = "platform-team"
    environment = "dev"
    cost_center = "4711"
  }
}

run "closed_to_the_public_and_to_access_policies" {
  command = plan

  assert {
    condition     = !azurerm_key_vault.this.public_network_access_enabled && azurerm_key_vault.this.network_acls[0].default_action == "Deny"
    error_message = "The vault must be reached over its private endpoint alone."
  }

  assert {
    condition     = azurerm_key_vault.this.rbac_authorization_enabled
    error_message = "Access must be given by roles."
  }
}

run "what_is_deleted_can_be_brought_back" {
  command = plan

  assert {
    condition     = azurerm_key_vault.this.purge_protection_enabled && azurerm_key_vault.this.soft_delete_retention_days == 90
    error_message = "Secrets must stay recoverable for 90 days."
  }
}

run "reached_over_its_private_endpoint" {
  command = plan

  assert {
    condition     = azurerm_private_endpoint.this.subnet_id == var.private_endpoint_subnet_id && azurerm_private_endpoint.this.private_service_connection[0].subresource_names[0] == "vault"
    error_message = "The endpoint must be in the subnet of the private endpoints."
  }

  assert {
    condition     = azurerm_private_endpoint.this.private_dns_zone_group[0].private_dns_zone_ids[0] == var.private_dns_zone_ids.vault
    error_message = "The endpoint must be entered in the vaults' zone."
  }
}

run "a_name_that_azure_would_refuse_is_refused_here" {
  command = plan

  variables {
    name = "kv--northstar"
  }

  expect_failures = [var.name]
}
