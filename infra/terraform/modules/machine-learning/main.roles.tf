# What Azure ML asks of a workspace's own identity; the approver's role lets it open its managed
# private endpoints, which stay pending without it.
resource "azurerm_role_assignment" "workspace_on_storage" {
  for_each = toset(["Contributor", "Storage Blob Data Contributor", "Storage File Data Privileged Contributor", "Azure AI Enterprise Network Connection Approver"])

  scope                = var.storage_account_id
  role_definition_name = each.key
  principal_id         = azurerm_user_assigned_identity.workspace.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "workspace_on_vault" {
  for_each = toset(["Contributor", "Key Vault Administrator", "Azure AI Enterprise Network Connection Approver"])

  scope                = var.key_vault_id
  role_definition_name = each.key
  principal_id         = azurerm_user_assigned_identity.workspace.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "workspace_on_registry" {
  for_each = toset(["Contributor", "Azure AI Enterprise Network Connection Approver"])

  scope                = var.container_registry_id
  role_definition_name = each.key
  principal_id         = azurerm_user_assigned_identity.workspace.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "workspace_on_insights" {
  scope                = var.application_insights_id
  role_definition_name = "Contributor"
  principal_id         = azurerm_user_assigned_identity.workspace.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "workspace_on_targets" {
  for_each = var.private_targets

  scope                = each.value.id
  role_definition_name = "Azure AI Enterprise Network Connection Approver"
  principal_id         = azurerm_user_assigned_identity.workspace.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "workspace_on_itself" {
  for_each = toset(["Contributor", "Azure AI Enterprise Network Connection Approver"])

  scope                = azurerm_machine_learning_workspace.this.id
  role_definition_name = each.key
  principal_id         = azurerm_user_assigned_identity.workspace.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "image_build_on_registry" {
  scope                = var.container_registry_id
  role_definition_name = "AcrPush" # which pulls, too
  principal_id         = azurerm_user_assigned_identity.image_build.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "image_build_on_storage" {
  scope                = var.storage_account_id
  role_definition_name = "Storage Blob Data Reader"
  principal_id         = azurerm_user_assigned_identity.image_build.principal_id
  principal_type       = "ServicePrincipal"
}
