# Planned with a mocked provider: its schema and its checks are the real ones, and nothing is asked
# of Azure.
mock_provider "azurerm" {}

variables {
  name                       = "crnorthstartest"
  resource_group_name        = "rg-test"
  location                   = "westeurope"
  private_endpoint_subnet_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/virtualNetworks/vnet-test/subnets/snet-private-endpoints"
  log_analytics_workspace_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.OperationalInsights/workspaces/log-test"
  private_dns_zone_ids       = { container_registry = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.azurecr.io" }
  tags = {
    owner       = "platform-team"
    environment = "dev"
    cost_center = "4711"
  }
}

run "closed_to_the_public_and_to_the_administrator" {
  command = plan

  assert {
    condition     = !azurerm_container_registry.this.public_network_access_enabled && !azurerm_container_registry.this.admin_enabled && !azurerm_container_registry.this.anonymous_pull_enabled
    error_message = "Images must be pulled by identities over the private endpoint alone."
  }

  assert {
    condition     = azurerm_private_endpoint.this.private_service_connection[0].subresource_names[0] == "registry"
    error_message = "The registry needs its endpoint."
  }
}

run "a_name_with_hyphens_is_refused" {
  command = plan

  variables {
    name = "cr-northstar"
  }

  expect_failures = [var.name]
}
