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

run "what_a_rule_is_about_has_an_alert_of_its_own" {
  command = plan

  assert {
    condition     = one(azurerm_monitor_scheduled_query_rules_alert_v2.this["degradation"].criteria[0].dimension).name == "endpoint" && one(azurerm_monitor_scheduled_query_rules_alert_v2.this["infrastructure"].criteria[0].dimension).name == "environment"
    error_message = "A second endpoint's degradation must alert too, and be named."
  }
}

run "the_daily_cap_alerts_before_it_blinds_the_rules" {
  command = plan

  variables {
    daily_quota_gb = 5
    thresholds     = { daily_cap_percent = 60 }
  }

  assert {
    condition     = endswith(azurerm_monitor_scheduled_query_rules_alert_v2.this["daily_cap_near"].criteria[0].query, "where taken_gb > 3") && strcontains(azurerm_monitor_scheduled_query_rules_alert_v2.this["daily_cap"].criteria[0].query, "OverQuota")
    error_message = "The cap must be told of, near it and at it."
  }
}

run "thresholds_are_those_that_were_asked_for" {
  command = plan

  variables {
    thresholds = { latency_ms = 400, error_percent = 0.5 }
  }

  assert {
    condition     = endswith(azurerm_monitor_scheduled_query_rules_alert_v2.this["endpoint_latency"].criteria[0].query, "asked > 100 and p95 > 400") && strcontains(azurerm_monitor_scheduled_query_rules_alert_v2.this["endpoint_errors"].criteria[0].query, "asked * 0.5")
    error_message = "The queries must have the thresholds."
  }
}

run "thresholds_that_mean_nothing_are_refused" {
  command = plan

  variables {
    thresholds = { latency_ms = 0, error_percent = 100, loop_lag_seconds = 60 }
  }

  expect_failures = [var.thresholds]
}

run "alerts_to_nobody_are_refused" {
  command = plan

  variables {
    alert_emails = {}
  }

  expect_failures = [var.alert_emails]
}
