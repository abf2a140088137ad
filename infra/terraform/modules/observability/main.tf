resource "azurerm_log_analytics_workspace" "this" {
  name                         = "log-${var.name}"
  resource_group_name          = var.resource_group_name
  location                     = var.location
  sku                          = "PerGB2018"
  retention_in_days            = var.retention_days
  daily_quota_gb               = var.daily_quota_gb
  internet_ingestion_enabled   = false
  internet_query_enabled       = false
  local_authentication_enabled = false
  tags                         = var.tags
}

resource "azurerm_application_insights" "this" {
  name                         = "appi-${var.name}"
  resource_group_name          = var.resource_group_name
  location                     = var.location
  workspace_id                 = azurerm_log_analytics_workspace.this.id
  application_type             = "web"
  daily_data_cap_in_gb         = var.daily_quota_gb
  internet_ingestion_enabled   = false
  internet_query_enabled       = false
  local_authentication_enabled = false
  tags                         = var.tags
}

resource "azurerm_monitor_diagnostic_setting" "this" {
  name                       = "to-log-analytics"
  target_resource_id         = azurerm_log_analytics_workspace.this.id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id

  enabled_log {
    category_group = "allLogs" # who asked what
  }

  enabled_metric {
    category = "AllMetrics"
  }
}
