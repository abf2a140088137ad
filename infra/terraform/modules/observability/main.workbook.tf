locals {
  charts = {
    "Requests by endpoint"                 = "AppRequests | summarize requests = count() by bin(TimeGenerated, 5m), AppRoleName | render timechart"
    "Latency by endpoint, 95th percentile" = "AppRequests | summarize milliseconds = percentile(DurationMs, 95) by bin(TimeGenerated, 5m), AppRoleName | render timechart"
    "Alerts of the models"                 = "AppEvents | where Name == 'northstar.alert' | summarize alerts = count() by bin(TimeGenerated, 1h), kind = tostring(Properties.kind) | render barchart"
    "Releases and rollbacks"               = "AppEvents | where Name == 'northstar.release' | project TimeGenerated, project = tostring(Properties.project), environment = tostring(Properties.environment), state = tostring(Properties.state) | order by TimeGenerated desc"
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
