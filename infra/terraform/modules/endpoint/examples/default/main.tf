terraform {
  required_version = ">= 1.9, < 2.0"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.81"
    }
  }
}

provider "azurerm" {
  storage_use_azuread = true

  features {}
}

locals {
  location = "westeurope"
  tags = {
    owner       = "platform-team"
    environment = "dev"
    cost_center = "4711"
  }
}

resource "azurerm_resource_group" "this" {
  name     = "rg-endpoint-example"
  location = local.location
  tags     = local.tags
}

data "azurerm_client_config" "current" {}

module "network" {
  source = "../../../network"

  name                       = "endpoint-example"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  address_space              = "10.60.0.0/22"
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "observability" {
  source = "../../../observability"

  name                       = "endpoint-example"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  alert_emails               = { platform = "platform@example.com" }
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  tags                       = local.tags
}

module "container_registry" {
  source = "../../../container-registry"

  name                       = "crnorthstarepex"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "app_configuration" {
  source = "../../../app-configuration"

  name                       = "appcs-northstar-ep-ex"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "vault" {
  source = "../../../vault"

  name                       = "kv-northstar-ep-ex"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  tenant_id                  = data.azurerm_client_config.current.tenant_id
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "database" {
  source = "../../../database"

  name                       = "psql-northstar-ep-ex"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  tenant_id                  = data.azurerm_client_config.current.tenant_id
  administrators             = { name = "northstar-admins", object_id = "22222222-2222-2222-2222-222222222222" }
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "control_plane" {
  source = "../../../control-plane"

  name                                   = "northstar-example"
  resource_group_name                    = azurerm_resource_group.this.name
  location                               = local.location
  image                                  = "northstar:0.1.0"
  state_account_name                     = "stnorthstarepex"
  store_account_name                     = "stnorthstarepobex"
  database_host                          = module.database.host
  key_vault_id                           = module.vault.id
  key_vault_uri                          = module.vault.uri
  container_registry_id                  = module.container_registry.id
  container_registry_login_server        = module.container_registry.login_server
  app_configuration_id                   = module.app_configuration.id
  app_configuration_endpoint             = module.app_configuration.endpoint
  application_insights_id                = module.observability.application_insights_id
  application_insights_connection_string = module.observability.application_insights_connection_string
  container_apps_subnet_id               = module.network.subnet_ids.container_apps
  container_apps_prefix                  = module.network.subnet_prefixes.container_apps
  private_endpoint_subnet_id             = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids                   = module.network.private_dns_zone_ids
  log_analytics_workspace_id             = module.observability.log_analytics_workspace_id
  tags                                   = local.tags
}

resource "azurerm_user_assigned_identity" "serving" {
  name                = "id-serving-example"
  resource_group_name = azurerm_resource_group.this.name
  location            = local.location
  tags                = local.tags
}

# Of a squad's endpoints; the module squad makes the identity with its roles.
resource "azurerm_role_assignment" "images" {
  scope                = module.container_registry.id
  role_definition_name = "AcrPull"
  principal_id         = azurerm_user_assigned_identity.serving.principal_id
  principal_type       = "ServicePrincipal"
}

module "captures" {
  source = "../../../squad/modules/captures"

  squad                = "operations"
  storage_account_id   = module.control_plane.store_account_id
  serving_principal_id = azurerm_user_assigned_identity.serving.principal_id
}

module "endpoint" {
  source = "../.."

  name                             = "late-arrival"
  resource_group_name              = azurerm_resource_group.this.name
  endpoint                         = "operations/late-arrival/dev"
  image                            = "northstar:0.1.0"
  container_app_environment_id     = module.control_plane.container_app_environment_id
  container_app_environment_domain = module.control_plane.container_app_environment_domain
  captures                         = module.captures.address
  identity_client_id               = azurerm_user_assigned_identity.serving.client_id
  identity_id                      = azurerm_user_assigned_identity.serving.id
  container_registry_login_server  = module.container_registry.login_server
  control_plane_url                = module.control_plane.url
  northstar_client_id              = "service:operations/late-arrival-dev"
  tags                             = local.tags

  application_insights_connection_string = module.observability.application_insights_connection_string

  depends_on = [azurerm_role_assignment.images]
}
