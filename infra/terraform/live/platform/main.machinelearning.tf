# The workspace's own account and vault, apart from the squads' data and the platform's secrets.
module "machine_learning_storage" {
  source = "../../modules/storage"

  name                       = "st${local.compact}ml"
  resource_group_name        = azurerm_resource_group.this["machine-learning"].name
  location                   = var.location
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "machine_learning_vault" {
  source = "../../modules/vault"

  name                       = "kv-${local.compact}ml"
  resource_group_name        = azurerm_resource_group.this["machine-learning"].name
  location                   = var.location
  tenant_id                  = var.tenant_id
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "models" {
  source = "../../modules/storage"

  name                       = "st${local.compact}md"
  resource_group_name        = azurerm_resource_group.this["machine-learning"].name
  location                   = var.location
  replication                = local.redundant ? "GZRS" : "ZRS"
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "machine_learning" {
  source = "../../modules/machine-learning"

  name                       = "mlw-${local.name}"
  resource_group_name        = azurerm_resource_group.this["machine-learning"].name
  location                   = var.location
  storage_account_id         = module.machine_learning_storage.id
  key_vault_id               = module.machine_learning_vault.id
  container_registry_id      = module.container_registry.id
  application_insights_id    = module.observability.application_insights_id
  private_targets            = { models = { id = module.models.id, subresource = "blob" } }
  allowed_hosts              = var.allowed_hosts
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}
