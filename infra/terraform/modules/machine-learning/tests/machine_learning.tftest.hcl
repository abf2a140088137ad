# Planned with a mocked provider: its schema and its checks are the real ones, and nothing is asked
# of Azure.
mock_provider "azurerm" {}

variables {
  name                       = "mlw-northstar-test"
  resource_group_name        = "rg-test"
  location                   = "westeurope"
  storage_account_id         = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Storage/storageAccounts/sttest"
  key_vault_id               = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.KeyVault/vaults/kv-test"
  container_registry_id      = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.ContainerRegistry/registries/crtest"
  application_insights_id    = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Insights/components/appi-test"
  private_endpoint_subnet_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/virtualNetworks/vnet-test/subnets/snet-private-endpoints"
  log_analytics_workspace_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.OperationalInsights/workspaces/log-test"
  private_dns_zone_ids = {
    machine_learning     = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.api.azureml.ms"
    machine_learning_web = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.notebooks.azure.net"
  }
  tags = {
    owner       = "platform-team"
    environment = "dev"
    cost_center = "4711"
  }
}

run "private_with_a_managed_network" {
  command = plan

  assert {
    condition     = !azurerm_machine_learning_workspace.this.public_network_access_enabled && azurerm_machine_learning_workspace.this.managed_network[0].isolation_mode == "AllowOnlyApprovedOutbound"
    error_message = "Nobody may come in from outside, and jobs may reach what is approved alone."
  }

  assert {
    condition     = azurerm_machine_learning_workspace.this.storage_account_access_type == "Identity"
    error_message = "The workspace must use its identity, not the account's key."
  }
}

run "one_endpoint_for_two_zones" {
  command = plan

  assert {
    condition     = toset(azurerm_private_endpoint.this.private_dns_zone_group[0].private_dns_zone_ids) == toset(values(var.private_dns_zone_ids))
    error_message = "The API and the notebooks answer under different zones."
  }
}

run "the_identity_can_open_its_endpoints" {
  command = plan

  assert {
    condition     = contains(keys(azurerm_role_assignment.workspace_on_storage), "Azure AI Enterprise Network Connection Approver") && contains(keys(azurerm_role_assignment.workspace_on_vault), "Azure AI Enterprise Network Connection Approver") && contains(keys(azurerm_role_assignment.workspace_on_registry), "Azure AI Enterprise Network Connection Approver")
    error_message = "Without the approver's role managed private endpoints stay pending."
  }
}

run "what_builds_images_may_push_them_and_no_more" {
  command = plan

  assert {
    condition     = azurerm_role_assignment.image_build_on_registry.role_definition_name == "AcrPush" && azurerm_role_assignment.image_build_on_storage.role_definition_name == "Storage Blob Data Reader"
    error_message = "Jobs can be sent to the cluster that builds images: it must have the rights of a build alone."
  }

  assert {
    condition     = azurerm_role_assignment.image_build_on_registry.scope == var.container_registry_id && azurerm_role_assignment.image_build_on_storage.scope == var.storage_account_id
    error_message = "A build needs its own registry and account, and no other ones."
  }
}

run "the_whole_internet_is_refused" {
  command = plan

  variables {
    allowed_hosts = { everything = "*" }
  }

  expect_failures = [var.allowed_hosts]
}
