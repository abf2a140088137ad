# Planned with a mocked provider: its schema and its checks are the real ones, and nothing is asked
# of Azure.
mock_provider "azurerm" {}

variables {
  name                       = "appcs-northstar-test"
  resource_group_name        = "rg-test"
  location                   = "westeurope"
  private_endpoint_subnet_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/virtualNetworks/vnet-test/subnets/snet-private-endpoints"
  log_analytics_workspace_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.OperationalInsights/workspaces/log-test"
  private_dns_zone_ids       = { app_configuration = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.azconfig.io" }
  tags = {
    owner       = "platform-team"
    environment = "dev"
    cost_center = "4711"
  }
}

run "neither_the_public_nor_a_key_gets_in" {
  command = plan

  assert {
    condition     = azurerm_app_configuration.this.public_network_access == "Disabled" && !azurerm_app_configuration.this.local_auth_enabled && azurerm_app_configuration.this.purge_protection_enabled
    error_message = "The store must be private, without keys, and safe from being purged."
  }
}

run "a_flag_is_off_until_somebody_rolls_out" {
  command = plan

  variables {
    feature_flags = { "late-arrival.next" = { description = "Who gets the next version." } }
  }

  assert {
    condition     = azurerm_app_configuration_feature.this["late-arrival.next"].enabled == false
    error_message = "A new flag must be off."
  }
}

run "a_flag_that_says_nothing_is_refused" {
  command = plan

  variables {
    feature_flags = { next = { description = "" } }
  }

  expect_failures = [var.feature_flags]
}
