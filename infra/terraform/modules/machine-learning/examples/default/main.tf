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
  name     = "rg-ml-example"
  location = local.location
  tags     = local.tags
}

data "azurerm_client_config" "current" {}

module "network" {
  source = "../../../network"

  name                       = "ml-example"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  address_space              = "10.60.0.0/22"
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "observability" {
  source = "../../../observability"

  name                       = "ml-example"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  alert_emails               = { platform = "platform@example.com" }
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  tags                       = local.tags
}

module "storage" {
  source = "../../../storage"

  name                       = "stnorthstarmlexample"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "vault" {
  source = "../../../vault"

  name                       = "kv-northstar-ml-example"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  tenant_id                  = data.azurerm_client_config.current.tenant_id
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "container_registry" {
  source = "../../../container-registry"

  name                       = "crnorthstarmlexample"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "machine_learning" {
  source = "../.."

  name                       = "mlw-northstar-example"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  storage_account_id         = module.storage.id
  key_vault_id               = module.vault.id
  container_registry_id      = module.container_registry.id
  application_insights_id    = module.observability.application_insights_id
  allowed_hosts              = { pypi = "pypi.org", python-files = "*.pythonhosted.org" }
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}
