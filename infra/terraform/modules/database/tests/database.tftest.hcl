# Planned with a mocked provider: its schema and its checks are the real ones, and nothing is asked
# of Azure.
mock_provider "azurerm" {}

variables {
  name                       = "psql-northstar-test"
  resource_group_name        = "rg-test"
  location                   = "westeurope"
  tenant_id                  = "11111111-1111-1111-1111-111111111111"
  administrators             = { name = "northstar-admins", object_id = "22222222-2222-2222-2222-222222222222" }
  private_endpoint_subnet_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/virtualNetworks/vnet-test/subnets/snet-private-endpoints"
  log_analytics_workspace_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.OperationalInsights/workspaces/log-test"
  private_dns_zone_ids       = { postgresql = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.postgres.database.azure.com" }
  tags = {
    owner       = "platform-team"
    environment = "dev"
    cost_center = "4711"
  }
}

run "identities_get_in_and_passwords_do_not" {
  command = plan

  assert {
    condition     = azurerm_postgresql_flexible_server.this.authentication[0].active_directory_auth_enabled && !azurerm_postgresql_flexible_server.this.authentication[0].password_auth_enabled
    error_message = "Only Entra's identities may sign in."
  }

  assert {
    condition     = !azurerm_postgresql_flexible_server.this.public_network_access_enabled
    error_message = "The server must be reached over its private endpoint alone."
  }
}

run "connections_are_encrypted" {
  command = plan

  assert {
    condition     = azurerm_postgresql_flexible_server_configuration.this["require_secure_transport"].value == "on" && azurerm_postgresql_flexible_server_configuration.this["ssl_min_protocol_version"].value == "TLSv1.2"
    error_message = "Connections must use TLS 1.2 at least."
  }
}

run "northstar_and_mlflow_have_databases" {
  command = plan

  assert {
    condition     = toset(keys(azurerm_postgresql_flexible_server_database.this)) == toset(["mlflow", "northstar"])
    error_message = "The control plane needs two databases."
  }
}

run "a_burstable_server_can_not_be_highly_available" {
  command = plan

  variables {
    sku_name = "B_Standard_B2ms"
  }

  expect_failures = [var.high_availability]
}
