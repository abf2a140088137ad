# Planned with a mocked provider: its schema and its checks are the real ones, and nothing is asked
# of Azure.
mock_provider "azurerm" {}

variables {
  name                       = "northstar-test"
  resource_group_name        = "rg-test"
  location                   = "westeurope"
  alert_emails               = { platform = "platform@example.com" }
  private_endpoint_subnet_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/virtualNetworks/vnet-test/subnets/snet-private-endpoints"
  private_dns_zone_ids = {
    automation    = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.agentsvc.azure-automation.net"
    blob          = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net"
    log_ingestion = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.ods.opinsights.azure.com"
    log_query     = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.oms.opinsights.azure.com"
    monitor       = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.monitor.azure.com"
  }
  tags = {
    owner       = "platform-team"
    environment = "dev"
    cost_center = "4711"
  }
}

run "logs_come_and_go_inside_of_the_network" {
  command = plan

  assert {
    condition     = !azurerm_log_analytics_workspace.this.internet_ingestion_enabled && !azurerm_log_analytics_workspace.this.internet_query_enabled && !azurerm_application_insights.this.internet_ingestion_enabled && !azurerm_application_insights.this.internet_query_enabled
    error_message = "Logs must not be written or read from outside."
  }

  assert {
    condition     = azurerm_monitor_private_link_scope.this.ingestion_access_mode == "PrivateOnly" && azurerm_monitor_private_link_scope.this.query_access_mode == "PrivateOnly"
    error_message = "The scope must let through what is private alone."
  }

  assert {
    condition     = length(azurerm_private_endpoint.this.private_dns_zone_group[0].private_dns_zone_ids) == 5
    error_message = "Azure Monitor answers under names of five zones."
  }
}

run "keys_open_nothing" {
  command = plan

  assert {
    condition     = !azurerm_log_analytics_workspace.this.local_authentication_enabled && !azurerm_application_insights.this.local_authentication_enabled
    error_message = "Only identities may send and read."
  }
}

run "every_alert_reaches_somebody" {
  command = plan

  assert {
    condition     = contains(keys(azurerm_monitor_scheduled_query_rules_alert_v2.this), "degradation") && alltrue([for rule in azurerm_monitor_scheduled_query_rules_alert_v2.this : length(rule.action) == 1])
    error_message = "Each rule must have an action."
  }
}

run "alerts_to_nobody_are_refused" {
  command = plan

  variables {
    alert_emails = {}
  }

  expect_failures = [var.alert_emails]
}
