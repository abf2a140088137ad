# How what the rules let out leaves the network: by an address that takes no connections, through the
# company's firewall, or not at all.
locals {
  sending  = toset(["container_apps", "pipelines"])
  firewall = !contains(["nat", "none"], var.egress)
}

resource "azurerm_public_ip" "egress" {
  count = var.egress == "nat" ? 1 : 0

  name                = "pip-egress-${var.name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  allocation_method   = "Static"
  sku                 = "Standard"
  tags                = var.tags
}

resource "azurerm_nat_gateway" "this" {
  count = var.egress == "nat" ? 1 : 0

  name                = "ng-${var.name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  sku_name            = "Standard"
  tags                = var.tags
}

resource "azurerm_nat_gateway_public_ip_association" "this" {
  count = var.egress == "nat" ? 1 : 0

  nat_gateway_id       = azurerm_nat_gateway.this[0].id
  public_ip_address_id = azurerm_public_ip.egress[0].id
}

resource "azurerm_subnet_nat_gateway_association" "this" {
  for_each = var.egress == "nat" ? local.sending : toset([])

  subnet_id      = azurerm_subnet.this[each.key].id
  nat_gateway_id = azurerm_nat_gateway.this[0].id
}

resource "azurerm_route_table" "this" {
  count = local.firewall ? 1 : 0

  name                = "rt-${var.name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags

  route {
    name                   = "to-the-firewall"
    address_prefix         = "0.0.0.0/0"
    next_hop_type          = "VirtualAppliance"
    next_hop_in_ip_address = var.egress
  }
}

resource "azurerm_subnet_route_table_association" "this" {
  for_each = local.firewall ? local.sending : toset([])

  subnet_id      = azurerm_subnet.this[each.key].id
  route_table_id = azurerm_route_table.this[0].id
}

# Joined, and no more: who comes from there is let in by the rules alone. The hub's side is its owner's.
resource "azurerm_virtual_network_peering" "hub" {
  count = var.hub_id == null ? 0 : 1

  name                      = "to-the-hub"
  resource_group_name       = var.resource_group_name
  virtual_network_name      = azurerm_virtual_network.this.name
  remote_virtual_network_id = var.hub_id
  allow_forwarded_traffic   = true # people and the firewall are behind the hub
  use_remote_gateways       = var.hub_gateway
}
