resource "azurerm_private_endpoint" "this" {
  name                = "pe-${var.name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  subnet_id           = var.private_endpoint_subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = "managedEnvironments"
    is_manual_connection           = false
    private_connection_resource_id = azurerm_container_app_environment.this.id
    subresource_names              = ["managedEnvironments"]
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [var.private_dns_zone_ids.container_apps]
  }
}
