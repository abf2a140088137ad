locals {
  # What Northstar sends as events, metrics and requests: docs/reference/infrastructure.md names it all,
  # and tests/telemetry/test_queries.py holds these queries to what is really sent.
  #
  # Each rule counts the rows that its query leaves, by `dimensions`: what the row is about has an alert of
  # its own, and the mail names it. A `summarize` that is by nothing has one row also where nothing was told:
  # sums and counts are 0 then, but max and min are null, and null is neither 0 nor above it.
  opened = "AppEvents | where Name == 'northstar.alert' and Properties.event == 'opened'"

  alerts = {
    degradation = {
      description = "A model in production does worse than its reference, as measured with labels or estimated without."
      severity    = 1
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "${local.opened} and Properties.kind == 'performance' | project TimeGenerated, endpoint = tostring(Properties.endpoint)"
      dimensions  = ["endpoint"]
    }
    quality = {
      description = "What an endpoint is asked is broken: missing, unknown or impossible values, or captures that can't be read."
      severity    = 1
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "${local.opened} and Properties.kind == 'quality' | project TimeGenerated, endpoint = tostring(Properties.endpoint)"
      dimensions  = ["endpoint"]
    }
    drift = {
      description = "What an endpoint is asked has drifted away from what its model was trained with."
      severity    = 2
      frequency   = "PT15M"
      window      = "PT1H"
      query       = "${local.opened} and Properties.kind == 'drift' | project TimeGenerated, endpoint = tostring(Properties.endpoint)"
      dimensions  = ["endpoint"]
    }
    infrastructure = {
      description = "An environment is no longer as it was applied."
      severity    = 2
      frequency   = "PT15M"
      window      = "PT1H"
      query       = "${local.opened} and Properties.kind == 'infrastructure' | project TimeGenerated, environment = tostring(Properties.environment)"
      dimensions  = ["environment"]
    }
    rollback = {
      description = "A release was rolled back, or could not go on."
      severity    = 1
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "AppEvents | where Name == 'northstar.release' and Properties.state in ('rolled-back', 'failed') | project TimeGenerated, endpoint = tostring(Properties.endpoint)"
      dimensions  = ["endpoint"]
    }
    retraining = {
      description = "A retraining, or another job of the platform's, failed."
      severity    = 2
      frequency   = "PT15M"
      window      = "PT1H"
      query       = "AppEvents | where Name == 'northstar.job' and Properties.state == 'failed' | project TimeGenerated, project = strcat(tostring(Properties.squad), '/', tostring(Properties.project))"
      dimensions  = ["project"]
    }
    endpoint_errors = {
      description = "More than ${var.thresholds.error_percent} % of the requests failed at an endpoint."
      severity    = 1
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "AppMetrics | where Name in ('northstar.endpoint.requests', 'northstar.endpoint.errors') | summarize failed = sumif(Sum, Name == 'northstar.endpoint.errors'), asked = sumif(Sum, Name == 'northstar.endpoint.requests') by endpoint = tostring(Properties['northstar.endpoint']) | where asked > ${var.thresholds.minimum_requests} and failed * 100 > asked * ${var.thresholds.error_percent}"
      dimensions  = ["endpoint"]
    }
    endpoint_latency = {
      description = "An endpoint answers one request in twenty later than after ${var.thresholds.latency_ms} ms. Of the requests that were traced, each stands for as many as the sampling says."
      severity    = 2
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "AppRequests | where isnotempty(Properties['northstar.endpoint']) | summarize p95 = percentilew(DurationMs, ItemCount, 95), asked = sum(ItemCount) by endpoint = tostring(Properties['northstar.endpoint']) | where asked > ${var.thresholds.minimum_requests} and p95 > ${var.thresholds.latency_ms}"
      dimensions  = ["endpoint"]
    }
    captures = {
      description = "An endpoint loses captures: the monitor does not see all that was asked."
      severity    = 2
      frequency   = "PT15M"
      window      = "PT1H"
      query       = "AppMetrics | where Name == 'northstar.endpoint.dropped' | summarize lost = sum(Sum) by endpoint = tostring(Properties['northstar.endpoint']) | where lost > 0"
      dimensions  = ["endpoint"]
    }
    control_plane_errors = {
      description = "The control plane itself fails requests."
      severity    = 1
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "AppRequests | where isempty(Properties['northstar.endpoint']) and toint(ResultCode) >= 500 | summarize failed = sum(ItemCount) | where failed > ${var.thresholds.control_plane_errors}"
      dimensions  = []
    }
    loops = {
      description = "A background loop has not done its work for ${var.thresholds.loop_lag_seconds} seconds: releases, monitoring or jobs stand still."
      severity    = 1
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "AppMetrics | where Name == 'northstar.loop.lag' | summarize lag = min(Sum) by loop = tostring(Properties['northstar.loop']), bin(TimeGenerated, 5m) | where lag > ${var.thresholds.loop_lag_seconds}"
      dimensions  = ["loop"]
    }
    leader = {
      description = "No replica of the control plane runs the background loops, or none tells of itself: it is away, or what it sends does not arrive."
      severity    = 1
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "AppMetrics | where Name == 'northstar.leading' | summarize leading = coalesce(max(Sum), 0.0) | where leading < 1"
      dimensions  = []
    }
    jobs_waiting = {
      description = "Jobs wait, and none runs: the server that runs jobs is away, or can't."
      severity    = 2
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "AppMetrics | where Name == 'northstar.jobs' | summarize waiting = coalesce(minif(Sum, Properties['northstar.state'] == 'queued'), 0.0), running = coalesce(maxif(Sum, Properties['northstar.state'] == 'running'), 0.0) | where waiting > 0 and running == 0"
      dimensions  = []
    }
    backlog = {
      description = "Events or entries of the audit do not arrive where they are sent."
      severity    = 2
      frequency   = "PT15M"
      window      = "PT1H"
      query       = "AppMetrics | where Name == 'northstar.backlog' | summarize waiting = min(Sum) by kind = tostring(Properties['northstar.kind']) | where waiting > ${var.thresholds.backlog}"
      dimensions  = ["kind"]
    }
    credentials = {
      description = "A secret or certificate ends within two weeks, and nothing of its kind outlasts it: who uses it is then refused."
      severity    = 2
      frequency   = "PT15M"
      window      = "PT1H"
      query       = "AppMetrics | where Name == 'northstar.credential.time_left' | summarize left = min(Sum) by principal = tostring(Properties['northstar.principal']) | where left < 1209600"
      dimensions  = ["principal"]
    }
    refusals = {
      description = "Somebody was refused again and again."
      severity    = 3
      frequency   = "PT15M"
      window      = "PT1H"
      query       = "AppEvents | where Name == 'northstar.audit' and Properties.outcome == 'denied' | summarize refused = count() by principal = tostring(Properties.principal) | where refused > ${var.thresholds.refusals}"
      dimensions  = ["principal"]
    }
    daily_cap = {
      description = "The log store takes nothing more until tomorrow: its daily cap is reached. No other rule sees anything until then."
      severity    = 1
      frequency   = "PT5M"
      window      = "PT15M"
      query       = "_LogOperation | where Category == 'Ingestion' and Detail has 'OverQuota' | project TimeGenerated"
      dimensions  = []
    }
    daily_cap_near = {
      description = "The log store took more than ${var.thresholds.daily_cap_percent} % of its daily cap within a day: when it is reached, logs are lost and no rule sees anything."
      severity    = 2
      frequency   = "PT1H"
      window      = "PT1H"
      looks_back  = "P1D" # longer than windows can be
      query       = "Usage | where IsBillable | summarize taken_gb = sum(Quantity) / 1000.0 | where taken_gb > ${var.daily_quota_gb * var.thresholds.daily_cap_percent / 100}"
      dimensions  = []
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

  name                      = "alert-${replace(each.key, "_", "-")}-${var.name}"
  resource_group_name       = var.resource_group_name
  location                  = var.location
  description               = each.value.description
  severity                  = each.value.severity
  evaluation_frequency      = each.value.frequency
  window_duration           = each.value.window
  query_time_range_override = try(each.value.looks_back, null)
  scopes                    = [azurerm_log_analytics_workspace.this.id]
  auto_mitigation_enabled   = true
  skip_query_validation     = true # the tables are there once something was sent
  tags                      = var.tags

  criteria {
    query                   = each.value.query
    time_aggregation_method = "Count"
    operator                = "GreaterThan"
    threshold               = 0

    dynamic "dimension" {
      for_each = each.value.dimensions

      content {
        name     = dimension.value
        operator = "Include"
        values   = ["*"]
      }
    }

    failing_periods {
      minimum_failing_periods_to_trigger_alert = 1
      number_of_evaluation_periods             = 1
    }
  }

  action {
    action_groups = [azurerm_monitor_action_group.this.id]
  }
}
