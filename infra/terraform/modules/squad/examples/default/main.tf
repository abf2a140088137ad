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
  name     = "rg-squad-example"
  location = local.location
  tags     = local.tags
}

data "azurerm_client_config" "current" {}

module "network" {
  source = "../../../network"

  name                       = "squad-example"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  address_space              = "10.60.0.0/22"
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "observability" {
  source = "../../../observability"

  name                       = "squad-example"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  alert_emails               = { platform = "platform@example.com" }
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  tags                       = local.tags
}

module "container_registry" {
  source = "../../../container-registry"

  name                       = "crnorthstarsqex"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "app_configuration" {
  source = "../../../app-configuration"

  name                       = "appcs-northstar-sq-ex"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "models" {
  source = "../../../storage"

  name                       = "stnorthstarsqmdex"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "store" {
  source = "../../../storage"

  name                       = "stnorthstarsqobex"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "squad" {
  source = "../.."

  name                       = "operations"
  platform                   = "northstar"
  environment                = "dev"
  location                   = local.location
  subscription_id            = data.azurerm_client_config.current.subscription_id
  tenant_id                  = data.azurerm_client_config.current.tenant_id
  members_group_id           = "22222222-2222-2222-2222-222222222222"
  github_repositories        = ["airline/late-arrival"]
  monthly_budget             = 500
  action_group_id            = module.observability.action_group_id
  storage_account_id         = module.models.id
  store_account_id           = module.store.id
  container_registry_id      = module.container_registry.id
  app_configuration_id       = module.app_configuration.id
  application_insights_id    = module.observability.application_insights_id
  private_link_scope         = module.observability.private_link_scope
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}
