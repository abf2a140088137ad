output "log_analytics_workspace_id" {
  description = "Resource id of the Log Analytics workspace."
  value       = azurerm_log_analytics_workspace.this.id
}

output "application_insights_id" {
  description = "Resource id of Application Insights."
  value       = azurerm_application_insights.this.id
}

output "application_insights_connection_string" {
  description = "Where telemetry is sent to; who sends needs the role Monitoring Metrics Publisher as well."
  value       = azurerm_application_insights.this.connection_string
  sensitive   = true
}

output "action_group_id" {
  description = "Resource id of the action group, for further alerts and budgets."
  value       = azurerm_monitor_action_group.this.id
}

output "private_link_scope" {
  description = "The Azure Monitor Private Link Scope, for further Application Insights."
  value = {
    name                = azurerm_monitor_private_link_scope.this.name
    resource_group_name = azurerm_monitor_private_link_scope.this.resource_group_name
  }
}
