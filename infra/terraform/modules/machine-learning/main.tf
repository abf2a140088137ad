resource "azurerm_user_assigned_identity" "workspace" {
  name                = "id-${var.name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_machine_learning_workspace" "this" {
  name                           = var.name
  resource_group_name            = var.resource_group_name
  location                       = var.location
  storage_account_id             = var.storage_account_id
  key_vault_id                   = var.key_vault_id
  container_registry_id          = var.container_registry_id
  application_insights_id        = var.application_insights_id
  storage_account_access_type    = "Identity"
  primary_user_assigned_identity = azurerm_user_assigned_identity.workspace.id
  public_network_access_enabled  = false
  v1_legacy_mode_enabled         = false
  high_business_impact           = true # Microsoft collects less
  image_build_compute_name       = "image-build"
  tags                           = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.workspace.id]
  }

  managed_network {
    isolation_mode                = "AllowOnlyApprovedOutbound" # can't be loosened later
    provision_on_creation_enabled = true
  }

  # The workspace uses its roles while it is made.
  depends_on = [
    azurerm_role_assignment.workspace_on_insights,
    azurerm_role_assignment.workspace_on_registry,
    azurerm_role_assignment.workspace_on_storage,
    azurerm_role_assignment.workspace_on_vault,
  ]
}

resource "azurerm_machine_learning_workspace_network_outbound_rule_fqdn" "this" {
  for_each = var.allowed_hosts

  name             = each.key
  workspace_id     = azurerm_machine_learning_workspace.this.id
  destination_fqdn = each.value
}

resource "azurerm_machine_learning_workspace_network_outbound_rule_private_endpoint" "this" {
  for_each = var.private_targets

  name                = each.key
  workspace_id        = azurerm_machine_learning_workspace.this.id
  service_resource_id = each.value.id
  sub_resource_target = each.value.subresource

  depends_on = [azurerm_role_assignment.workspace_on_targets]
}

# A registry behind a private endpoint can't build images itself. Who submits jobs to the workspace can
# run code on this cluster, so it is not the workspace: it reads what images are made from, and pushes.
resource "azurerm_user_assigned_identity" "image_build" {
  name                = "id-${var.name}-build"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
}

module "image_build" {
  source = "./modules/compute"

  name                          = azurerm_machine_learning_workspace.this.image_build_compute_name
  location                      = var.location
  machine_learning_workspace_id = azurerm_machine_learning_workspace.this.id
  identity_id                   = azurerm_user_assigned_identity.image_build.id
  vm_size                       = "Standard_D2ds_v5"
  max_nodes                     = 1
  tags                          = var.tags
}
