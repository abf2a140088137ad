resource "azurerm_app_configuration" "this" {
  name                                             = var.name
  resource_group_name                              = var.resource_group_name
  location                                         = var.location
  sku                                              = "standard" # private endpoints need it
  local_auth_enabled                               = false
  public_network_access                            = "Disabled"
  purge_protection_enabled                         = true
  soft_delete_retention_days                       = 7
  data_plane_proxy_authentication_mode             = "Pass-through" # without keys, Terraform writes flags as itself
  data_plane_proxy_private_link_delegation_enabled = true
  tags                                             = var.tags
}
