locals {
  zones = {
    app_configuration    = "privatelink.azconfig.io"
    automation           = "privatelink.agentsvc.azure-automation.net"
    blob                 = "privatelink.blob.core.windows.net"
    container_apps       = "privatelink.${var.location}.azurecontainerapps.io"
    container_registry   = "privatelink.azurecr.io"
    dfs                  = "privatelink.dfs.core.windows.net"
    file                 = "privatelink.file.core.windows.net"
    log_ingestion        = "privatelink.ods.opinsights.azure.com"
    log_query            = "privatelink.oms.opinsights.azure.com"
    machine_learning     = "privatelink.api.azureml.ms"
    machine_learning_web = "privatelink.notebooks.azure.net"
    monitor              = "privatelink.monitor.azure.com"
    postgresql           = "privatelink.postgres.database.azure.com"
    vault                = "privatelink.vaultcore.azure.net"
  }
}

resource "azurerm_private_dns_zone" "this" {
  for_each = local.zones

  name                = each.value
  resource_group_name = var.resource_group_name
  tags                = var.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "this" {
  for_each = local.zones

  name                  = "link-${var.name}"
  resource_group_name   = var.resource_group_name
  private_dns_zone_name = azurerm_private_dns_zone.this[each.key].name
  virtual_network_id    = azurerm_virtual_network.this.id
  registration_enabled  = false
  tags                  = var.tags
}
