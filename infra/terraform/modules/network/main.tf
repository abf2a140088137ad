locals {
  bits = 24 - tonumber(split("/", var.address_space)[1])

  prefixes = {
    private_endpoints = cidrsubnet(var.address_space, local.bits, 0)
    container_apps    = cidrsubnet(var.address_space, local.bits, 1)
    pipelines         = cidrsubnet(var.address_space, local.bits, 2)
  }
}

resource "azurerm_virtual_network" "this" {
  name                = "vnet-${var.name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  address_space       = [var.address_space]
  tags                = var.tags
}

resource "azurerm_subnet" "this" {
  for_each = local.prefixes

  name                              = "snet-${replace(each.key, "_", "-")}"
  resource_group_name               = var.resource_group_name
  virtual_network_name              = azurerm_virtual_network.this.name
  address_prefixes                  = [each.value]
  default_outbound_access_enabled   = false
  private_endpoint_network_policies = "Enabled" # otherwise rules and routes pass endpoints by

  dynamic "delegation" {
    for_each = each.key == "container_apps" ? ["Microsoft.App/environments"] : []

    content {
      name = "container-apps"

      service_delegation {
        name    = delegation.value
        actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
      }
    }
  }
}
