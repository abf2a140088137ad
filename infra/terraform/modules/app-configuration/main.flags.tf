# Who applies needs the role App Configuration Data Owner on the store, and to be in its network.
resource "azurerm_app_configuration_feature" "this" {
  for_each = var.feature_flags

  configuration_store_id = azurerm_app_configuration.this.id
  name                   = each.key
  description            = each.value.description
  enabled                = each.value.enabled
  label                  = each.value.label
  tags                   = var.tags

  lifecycle {
    # A rollout changes these every hour.
    ignore_changes = [enabled, targeting_filter, timewindow_filter, percentage_filter_value, custom_filter]
  }
}
