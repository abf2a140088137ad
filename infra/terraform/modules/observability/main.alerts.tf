locals {
  # What Northstar sends as events and metrics; the names are those of docs/reference/infrastructure.md.
  alerts = {
    degradation = {
      description = "A model in production does worse than its reference, as measured with labels or estimated without."
      severity    = 1
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "AppEvents | where Name == 'northstar.alert' and Properties.kind == 'performance'"
    }
    drift = {
      description = "What an endpoint is asked has drifted away from what its model was trained with."
      severity    = 2
      frequency   = "PT15M"
      window      = "PT1H"
      query       = "AppEvents | where Name == 'northstar.alert' and Properties.kind == 'drift'"
    }
    rollback = {
      description = "A release was rolled back."
      severity    = 1
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "AppEvents | where Name == 'northstar.release' and Properties.state == 'rolled-back'"
    }
    endpoint_errors = {
      description = "More than one request in a hundred failed at an endpoint."
      severity    = 1
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "AppRequests | summarize failed = countif(Success == false), asked = count() by AppRoleName | where asked > 100 and failed * 100 > asked"
    }
    endpoint_latency = {
      description = "An endpoint answers one request in twenty later than after 250 ms."
      severity    = 2
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "AppRequests | summarize p95 = percentile(DurationMs, 95), asked = count() by AppRoleName | where asked > 100 and p95 > 250"
    }
    refusals = {
      description = "Somebody was refused again and again."
      severity    = 3
      frequency   = "PT15M"
      window      = "PT1H"
      query       = "AppEvents | where Name == 'northstar.audit' and Properties.outcome == 'denied' | summarize refused = count() by tostring(Properties.principal) | where refused > 20"
    }
  }
}

resource "azurerm_monitor_action_group" "this" {
  name                = "ag-${var.name}"
  resource_group_name = var.resource_group_name
  short_name          = "northstar"
  tags                = var.tags

  dynamic "email_receiver" {
    for_each = var.alert_emails

    content {
      name                    = email_receiver.key
      email_address           = email_receiver.value
      use_common_alert_schema = true
    }
  }
}

resource "azurerm_monitor_scheduled_query_rules_alert_v2" "this" {
  for_each = local.alerts

  name                    = "alert-${replace(each.key, "_", "-")}-${var.name}"
  resource_group_name     = var.resource_group_name
  location                = var.location
  description             = each.value.description
  severity                = each.value.severity
  evaluation_frequency    = each.value.frequency
  window_duration         = each.value.window
  scopes                  = [azurerm_log_analytics_workspace.this.id]
  auto_mitigation_enabled = true
  skip_query_validation   = true # the tables are there once something was sent
  tags                    = var.tags

  criteria {
    query                   = each.value.query
    time_aggregation_method = "Count"
    operator                = "GreaterThan"
    threshold               = 0

    failing_periods {
      minimum_failing_periods_to_trigger_alert = 1
      number_of_evaluation_periods             = 1
    }
  }

  action {
    action_groups = [azurerm_monitor_action_group.this.id]
  }
}
