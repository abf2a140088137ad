locals {
  # What Northstar sends as events, metrics and requests: docs/reference/infrastructure.md names it all,
  # and tests/telemetry/test_queries.py holds these queries to what is really sent.
  opened = "AppEvents | where Name == 'northstar.alert' and Properties.event == 'opened'"

  alerts = {
    degradation = {
      description = "A model in production does worse than its reference, as measured with labels or estimated without."
      severity    = 1
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "${local.opened} and Properties.kind == 'performance'"
    }
    quality = {
      description = "What an endpoint is asked is broken: missing, unknown or impossible values, or captures that can't be read."
      severity    = 1
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "${local.opened} and Properties.kind == 'quality'"
    }
    drift = {
      description = "What an endpoint is asked has drifted away from what its model was trained with."
      severity    = 2
      frequency   = "PT15M"
      window      = "PT1H"
      query       = "${local.opened} and Properties.kind == 'drift'"
    }
    infrastructure = {
      description = "An environment is no longer as it was applied."
      severity    = 2
      frequency   = "PT15M"
      window      = "PT1H"
      query       = "${local.opened} and Properties.kind == 'infrastructure'"
    }
    rollback = {
      description = "A release was rolled back, or could not go on."
      severity    = 1
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "AppEvents | where Name == 'northstar.release' and Properties.state in ('rolled-back', 'failed')"
    }
    retraining = {
      description = "A retraining, or another job of the platform's, failed."
      severity    = 2
      frequency   = "PT15M"
      window      = "PT1H"
      query       = "AppEvents | where Name == 'northstar.job' and Properties.state == 'failed'"
    }
    endpoint_errors = {
      description = "More than one request in a hundred failed at an endpoint."
      severity    = 1
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "AppMetrics | where Name in ('northstar.endpoint.requests', 'northstar.endpoint.errors') | summarize failed = sumif(Sum, Name == 'northstar.endpoint.errors'), asked = sumif(Sum, Name == 'northstar.endpoint.requests') by endpoint = tostring(Properties['northstar.endpoint']) | where asked > 100 and failed * 100 > asked"
    }
    endpoint_latency = {
      description = "An endpoint answers one request in twenty later than after 250 ms. Of the requests that were traced, each stands for as many as the sampling says."
      severity    = 2
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "AppRequests | where isnotempty(Properties['northstar.endpoint']) | summarize p95 = percentilew(DurationMs, ItemCount, 95), asked = sum(ItemCount) by endpoint = tostring(Properties['northstar.endpoint']) | where asked > 100 and p95 > 250"
    }
    captures = {
      description = "An endpoint loses captures: the monitor does not see all that was asked."
      severity    = 2
      frequency   = "PT15M"
      window      = "PT1H"
      query       = "AppMetrics | where Name == 'northstar.endpoint.dropped' | summarize lost = sum(Sum) by endpoint = tostring(Properties['northstar.endpoint']) | where lost > 0"
    }
    control_plane_errors = {
      description = "The control plane itself fails requests."
      severity    = 1
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "AppRequests | where isempty(Properties['northstar.endpoint']) and toint(ResultCode) >= 500 | summarize failed = sum(ItemCount) | where failed > 5"
    }
    loops = {
      description = "A background loop has not done its work for ten minutes: releases, monitoring or jobs stand still."
      severity    = 1
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "AppMetrics | where Name == 'northstar.loop.lag' | summarize lag = min(Sum) by loop = tostring(Properties['northstar.loop']), bin(TimeGenerated, 5m) | where lag > 600"
    }
    leader = {
      description = "No replica of the control plane runs the background loops."
      severity    = 1
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "AppMetrics | where Name == 'northstar.leading' | summarize leading = max(Sum) | where leading == 0"
    }
    jobs_waiting = {
      description = "Jobs wait, and none runs: the server that runs jobs is away, or can't."
      severity    = 2
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "AppMetrics | where Name == 'northstar.jobs' | summarize waiting = minif(Sum, Properties['northstar.state'] == 'queued'), running = maxif(Sum, Properties['northstar.state'] == 'running') | where waiting > 0 and running == 0"
    }
    backlog = {
      description = "Events or entries of the audit do not arrive where they are sent."
      severity    = 2
      frequency   = "PT15M"
      window      = "PT1H"
      query       = "AppMetrics | where Name == 'northstar.backlog' | summarize waiting = min(Sum) by kind = tostring(Properties['northstar.kind']) | where waiting > 100"
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
