resource "azurerm_container_registry" "this" {
  name                          = var.name
  resource_group_name           = var.resource_group_name
  location                      = var.location
  sku                           = "Premium" # private endpoints need it
  admin_enabled                 = false
  anonymous_pull_enabled        = false
  public_network_access_enabled = false
  export_policy_enabled         = false           # images do not leave over the registry's own transfer
  network_rule_bypass_option    = "AzureServices" # Azure ML builds images as a trusted service
  data_endpoint_enabled         = true
  quarantine_policy_enabled     = false
  zone_redundancy_enabled       = var.zone_redundancy_enabled
  retention_policy_in_days      = 30 # of images without a tag
  tags                          = var.tags
}
