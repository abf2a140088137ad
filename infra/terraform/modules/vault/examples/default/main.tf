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
  name     = "rg-vault-example"
  location = local.location
  tags     = local.tags
}

resource "azurerm_log_analytics_workspace" "this" {
  name                         = "log-vault-example"
  resource_group_name          = azurerm_resource_group.this.name
  location                     = local.location
  internet_ingestion_enabled   = false
  internet_query_enabled       = false
  local_authentication_enabled = false
  tags                         = local.tags
}

module "network" {
  source = "../../../network"

  name                       = "vault-example"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  address_space              = "10.60.0.0/22"
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id
  tags                       = local.tags
}

data "azurerm_client_config" "current" {}

module "vault" {
  source = "../.."

  name                       = "kv-northstar-example"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = local.location
  tenant_id                  = data.azurerm_client_config.current.tenant_id
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id
  tags                       = local.tags
}
