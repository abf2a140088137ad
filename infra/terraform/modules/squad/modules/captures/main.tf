# Endpoints bring what they were asked and what they answered here. Training has no role on it: what
# a version is judged by is not written by those who made it.
resource "azurerm_storage_container" "this" {
  name                  = "captures-${var.squad}"
  storage_account_id    = var.storage_account_id
  container_access_type = "private"
}

resource "azurerm_role_assignment" "serving" {
  scope                = azurerm_storage_container.this.id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = var.serving_principal_id
  principal_type       = "ServicePrincipal"
}
