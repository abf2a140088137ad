locals {
  tags = merge(var.tags, { squad = var.name })

  # What must be unique in all of Azure ends with this.
  digest = substr(sha256("${var.subscription_id}/${var.platform}/${var.environment}/${var.name}"), 0, 6)

  # Names of vaults, workspaces and clusters are shorter than those of squads.
  short   = length(var.name) <= 12 ? var.name : "${trimsuffix(substr(var.name, 0, 5), "-")}-${local.digest}"
  compact = "${substr(replace(var.name, "-", ""), 0, 12)}${local.digest}"
}

resource "azurerm_resource_group" "this" {
  name     = "rg-${var.platform}-${var.environment}-squad-${var.name}"
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

  name                       = "kv-${local.short}-${local.digest}"
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
