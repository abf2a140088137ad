module "container_registry" {
  source = "../../modules/container-registry"

  name                       = "cr${local.compact}"
  resource_group_name        = azurerm_resource_group.this["control-plane"].name
  location                   = var.location
  zone_redundancy_enabled    = local.redundant
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "app_configuration" {
  source = "../../modules/app-configuration"

  name                       = "appcs-${local.name}-${local.digest}"
  resource_group_name        = azurerm_resource_group.this["control-plane"].name
  location                   = var.location
  feature_flags              = var.feature_flags
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "vault" {
  source = "../../modules/vault"

  name                       = "kv-${local.compact}"
  resource_group_name        = azurerm_resource_group.this["control-plane"].name
  location                   = var.location
  tenant_id                  = var.tenant_id
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "database" {
  source = "../../modules/database"

  name                       = "psql-${local.name}-${local.digest}"
  resource_group_name        = azurerm_resource_group.this["control-plane"].name
  location                   = var.location
  tenant_id                  = var.tenant_id
  administrators             = var.database_administrators
  sku_name                   = local.redundant ? "GP_Standard_D2ds_v5" : "B_Standard_B2ms"
  high_availability          = local.redundant
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "control_plane" {
  source = "../../modules/control-plane"

  name                = local.name
  resource_group_name = azurerm_resource_group.this["control-plane"].name
  location            = var.location

  image                   = var.image
  settings                = var.settings
  state_account_name      = "st${local.compact}st"
  store_account_name      = "st${local.compact}ob"
  store_replication       = local.redundant ? "GZRS" : "ZRS"
  capture_days            = var.capture_days
  zone_redundancy_enabled = local.redundant

  database_host                          = module.database.host
  key_vault_id                           = module.vault.id
  key_vault_uri                          = module.vault.uri
  container_registry_id                  = module.container_registry.id
  container_registry_login_server        = module.container_registry.login_server
  app_configuration_id                   = module.app_configuration.id
  app_configuration_endpoint             = module.app_configuration.endpoint
  application_insights_id                = module.observability.application_insights_id
  application_insights_connection_string = module.observability.application_insights_connection_string

  container_apps_subnet_id   = module.network.subnet_ids.container_apps
  container_apps_prefix      = module.network.subnet_prefixes.container_apps
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}
