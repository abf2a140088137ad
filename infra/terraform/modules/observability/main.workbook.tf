locals {
  charts = {
    "Requests by endpoint"                 = "AppMetrics | where Name == 'northstar.endpoint.requests' | summarize requests = sum(Sum) by bin(TimeGenerated, 5m), endpoint = tostring(Properties['northstar.endpoint']) | render timechart"
    "Errors by endpoint"                   = "AppMetrics | where Name == 'northstar.endpoint.errors' | summarize errors = sum(Sum) by bin(TimeGenerated, 5m), endpoint = tostring(Properties['northstar.endpoint']) | render timechart"
    "Mean latency by endpoint and version" = "AppMetrics | where Name == 'northstar.endpoint.request.duration' | summarize milliseconds = 1000 * sum(Sum) / sum(ItemCount) by bin(TimeGenerated, 5m), endpoint = strcat(tostring(Properties['northstar.endpoint']), ' v', tostring(Properties['northstar.version'])) | render timechart"
    "Latency by endpoint, 95th percentile" = "AppRequests | where isnotempty(Properties['northstar.endpoint']) | summarize milliseconds = percentilew(DurationMs, ItemCount, 95) by bin(TimeGenerated, 5m), endpoint = tostring(Properties['northstar.endpoint']) | render timechart"
    "Alerts of the models"                 = "AppEvents | where Name == 'northstar.alert' and Properties.event == 'opened' | summarize alerts = count() by bin(TimeGenerated, 1h), kind = tostring(Properties.kind) | render barchart"
    "From an alert to what came of it"     = "let raised = AppEvents | where Name == 'northstar.alert' and Properties.event == 'opened' | project OperationId, endpoint = tostring(Properties.endpoint), kind = tostring(Properties.kind); AppEvents | where Name in ('northstar.alert', 'northstar.job', 'northstar.release') | join kind=inner raised on OperationId | project TimeGenerated, endpoint, kind, what = Name, state = tostring(Properties.state), by = tostring(Properties.by), trace = OperationId | order by trace, TimeGenerated asc"
    "Releases and rollbacks"               = "AppEvents | where Name == 'northstar.release' | project TimeGenerated, project = tostring(Properties.project), environment = tostring(Properties.environment), version = tostring(Properties.version), event = tostring(Properties.event), state = tostring(Properties.state), by = tostring(Properties.by) | order by TimeGenerated desc"
    "Background loops, seconds behind"     = "AppMetrics | where Name == 'northstar.loop.lag' | summarize seconds = max(Sum) by bin(TimeGenerated, 5m), loop = tostring(Properties['northstar.loop']) | render timechart"
    "Refused requests"                     = "AppEvents | where Name == 'northstar.audit' and Properties.outcome == 'denied' | summarize refused = count() by principal = tostring(Properties.principal), action = tostring(Properties.action) | order by refused desc"
  }
}

resource "azurerm_application_insights_workbook" "this" {
  name                = uuidv5("url", "https://northstar.invalid/workbooks/${var.name}")
  resource_group_name = var.resource_group_name
  location            = var.location
  display_name        = "Northstar: ${var.name}"
  source_id           = lower(azurerm_log_analytics_workspace.this.id)
  tags                = var.tags

  data_json = jsonencode({
    version = "Notebook/1.0"
    items = [
      for title, query in local.charts : {
        type = 3
        name = title
        content = {
          version       = "KqlItem/1.0"
          title         = title
          query         = query
          size          = 0
          timeContext   = { durationMs = 86400000 }
          queryType     = 0
          resourceType  = "microsoft.operationalinsights/workspaces"
          visualization = strcontains(query, "render") ? null : "table"
        }
      }
    ]
    fallbackResourceIds = [azurerm_log_analytics_workspace.this.id]
  })
}
