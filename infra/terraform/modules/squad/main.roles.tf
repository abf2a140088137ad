# Training writes models and data, serving reads them.
resource "azurerm_role_assignment" "training_on_container" {
  scope                = azurerm_storage_container.this.id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = azurerm_user_assigned_identity.this["training"].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "serving_on_container" {
  scope                = azurerm_storage_container.this.id
  role_definition_name = "Storage Blob Data Reader"
  principal_id         = azurerm_user_assigned_identity.this["serving"].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "workloads_on_vault" {
  for_each = toset(["training", "serving"])

  scope                = module.vault.id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.this[each.key].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "training_on_registry" {
  scope                = module.registry.id
  role_definition_name = "AcrPull"
  principal_id         = azurerm_user_assigned_identity.this["training"].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "serving_on_registry" {
  scope                = var.container_registry_id
  role_definition_name = "AcrPull"
  principal_id         = azurerm_user_assigned_identity.this["serving"].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "serving_on_configuration" {
  scope                = var.app_configuration_id
  role_definition_name = "App Configuration Data Reader"
  principal_id         = azurerm_user_assigned_identity.this["serving"].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "serving_on_insights" {
  scope                = var.application_insights_id
  role_definition_name = "Monitoring Metrics Publisher"
  principal_id         = azurerm_user_assigned_identity.this["serving"].principal_id
  principal_type       = "ServicePrincipal"
}

# CI submits jobs; what a job may do is training's business, not CI's.
resource "azurerm_role_assignment" "ci_on_workspace" {
  scope                = module.machine_learning.id
  role_definition_name = "AzureML Data Scientist"
  principal_id         = azurerm_user_assigned_identity.this["ci"].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "ci_on_group" {
  scope                = azurerm_resource_group.this.id
  role_definition_name = "Reader"
  principal_id         = azurerm_user_assigned_identity.this["ci"].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "people_on_workspace" {
  scope                = module.machine_learning.id
  role_definition_name = "AzureML Data Scientist"
  principal_id         = var.members_group_id
  principal_type       = "Group"
}

resource "azurerm_role_assignment" "people_on_group" {
  scope                = azurerm_resource_group.this.id
  role_definition_name = "Reader"
  principal_id         = var.members_group_id
  principal_type       = "Group"
}

# Data in production is written by jobs alone.
resource "azurerm_role_assignment" "people_on_container" {
  scope                = azurerm_storage_container.this.id
  role_definition_name = var.environment == "prod" ? "Storage Blob Data Reader" : "Storage Blob Data Contributor"
  principal_id         = var.members_group_id
  principal_type       = "Group"
}

resource "azurerm_role_assignment" "people_on_vault" {
  scope                = module.vault.id
  role_definition_name = "Key Vault Secrets Officer"
  principal_id         = var.members_group_id
  principal_type       = "Group"
}
