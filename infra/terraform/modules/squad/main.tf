locals {
  tags = merge(var.tags, { squad = var.name })

  # Names of vaults and clusters are shorter than those of squads.
  digest = substr(sha256("${var.platform}/${var.environment}/${var.name}"), 0, 6)
  short  = length(var.name) <= 12 ? var.name : "${trimsuffix(substr(var.name, 0, 5), "-")}-${local.digest}"
}

resource "azurerm_resource_group" "this" {
  name     = "rg-${var.platform}-${var.environment}-${var.name}"
  location = var.location
  tags     = local.tags
}

resource "azurerm_storage_container" "this" {
  name                  = var.name
  storage_account_id    = var.storage_account_id
  container_access_type = "private"
}

module "vault" {
  source = "../vault"

  name                       = "kv-${local.short}-${substr(local.digest, 0, 4)}"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = var.location
  tenant_id                  = var.tenant_id
  private_endpoint_subnet_id = var.private_endpoint_subnet_id
  private_dns_zone_ids       = var.private_dns_zone_ids
  log_analytics_workspace_id = var.log_analytics_workspace_id
  tags                       = local.tags
}

module "captures" {
  source = "./modules/captures"

  squad                = var.name
  storage_account_id   = var.store_account_id
  serving_principal_id = azurerm_user_assigned_identity.this["serving"].principal_id
}

module "compute" {
  source = "../machine-learning/modules/compute"

  name                          = local.short
  location                      = var.location
  machine_learning_workspace_id = var.machine_learning_workspace_id
  identity_id                   = azurerm_user_assigned_identity.this["training"].id
  vm_size                       = var.compute.vm_size
  max_nodes                     = var.compute.max_nodes
  tags                          = local.tags
}

# Jobs run in the workspace's managed network, which has an endpoint of its own to the vault.
resource "azurerm_machine_learning_workspace_network_outbound_rule_private_endpoint" "vault" {
  name                = "vault-${local.short}"
  workspace_id        = var.machine_learning_workspace_id
  service_resource_id = module.vault.id
  sub_resource_target = "vault"

  depends_on = [azurerm_role_assignment.workspace_on_vault]
}
