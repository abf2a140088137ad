# One scope for a network: its private endpoint answers for all of Azure Monitor.
resource "azurerm_monitor_private_link_scope" "this" {
  name                  = "ampls-${var.name}"
  resource_group_name   = var.resource_group_name
  ingestion_access_mode = "PrivateOnly"
  query_access_mode     = "PrivateOnly"
  tags                  = var.tags
}

resource "azurerm_monitor_private_link_scoped_service" "logs" {
  name                = "logs"
  resource_group_name = var.resource_group_name
  scope_name          = azurerm_monitor_private_link_scope.this.name
  linked_resource_id  = azurerm_log_analytics_workspace.this.id
}

resource "azurerm_monitor_private_link_scoped_service" "insights" {
  name                = "insights"
  resource_group_name = var.resource_group_name
  scope_name          = azurerm_monitor_private_link_scope.this.name
  linked_resource_id  = azurerm_application_insights.this.id
}

resource "azurerm_private_endpoint" "this" {
  name                = "pe-${var.name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  subnet_id           = var.private_endpoint_subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = "azuremonitor"
    is_manual_connection           = false
    private_connection_resource_id = azurerm_monitor_private_link_scope.this.id
    subresource_names              = ["azuremonitor"]
  }

  private_dns_zone_group {
    name = "default"
    private_dns_zone_ids = [
      var.private_dns_zone_ids.monitor,
      var.private_dns_zone_ids.log_query,
      var.private_dns_zone_ids.log_ingestion,
      var.private_dns_zone_ids.automation,
      var.private_dns_zone_ids.blob,
    ]
  }

  # Azure changes a scope and its endpoint one at a time.
  depends_on = [
    azurerm_monitor_private_link_scoped_service.insights,
    azurerm_monitor_private_link_scoped_service.logs,
  ]
}
