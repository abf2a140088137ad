locals {
  # Who may talk to whom. What is not listed is denied, both ways, inside of the network, too.
  rules = {
    private_endpoints = concat([
      { name = "https-from-container-apps", direction = "Inbound", source = local.prefixes.container_apps, destination = local.prefixes.private_endpoints, ports = ["443"] },
      { name = "https-from-pipelines", direction = "Inbound", source = local.prefixes.pipelines, destination = local.prefixes.private_endpoints, ports = ["443"] },
      { name = "postgresql-from-container-apps", direction = "Inbound", source = local.prefixes.container_apps, destination = local.prefixes.private_endpoints, ports = ["5432"] },
      { name = "nfs-from-container-apps", direction = "Inbound", source = local.prefixes.container_apps, destination = local.prefixes.private_endpoints, ports = ["2049"] },
      { name = "postgresql-from-pipelines", direction = "Inbound", source = local.prefixes.pipelines, destination = local.prefixes.private_endpoints, ports = ["5432"] }, # administrators' psql
      ], [
      for addresses in sort(var.people_from) :
      { name = "https-from-people-${replace(addresses, "/", "-")}", direction = "Inbound", source = addresses, destination = local.prefixes.private_endpoints, ports = ["443"] }
    ])
    # What Container Apps needs stands in Microsoft's "Securing a virtual network in Azure Container Apps".
    container_apps = concat([
      { name = "https-from-pipelines", direction = "Inbound", source = local.prefixes.pipelines, destination = local.prefixes.container_apps, ports = ["443", "31443"] },
      { name = "https-from-private-endpoints", direction = "Inbound", source = local.prefixes.private_endpoints, destination = local.prefixes.container_apps, ports = ["443", "31443"] },
      { name = "among-container-apps-in", direction = "Inbound", source = local.prefixes.container_apps, destination = local.prefixes.container_apps, ports = ["*"] },
      { name = "load-balancer-probes", direction = "Inbound", source = "AzureLoadBalancer", destination = local.prefixes.container_apps, ports = ["30000-32767"] },
      { name = "among-container-apps-out", direction = "Outbound", source = local.prefixes.container_apps, destination = local.prefixes.container_apps, ports = ["*"] },
      { name = "to-private-endpoints", direction = "Outbound", source = local.prefixes.container_apps, destination = local.prefixes.private_endpoints, ports = ["443", "2049", "5432"] },
      ], [
      for tag in ["AzureActiveDirectory", "AzureFrontDoor.FirstParty", "MicrosoftContainerRegistry"] :
      { name = "to-${lower(replace(tag, ".", "-"))}", direction = "Outbound", source = local.prefixes.container_apps, destination = tag, ports = ["443"] }
    ])
    pipelines = concat([
      { name = "to-private-endpoints", direction = "Outbound", source = local.prefixes.pipelines, destination = local.prefixes.private_endpoints, ports = ["443", "5432"] },
      { name = "to-container-apps", direction = "Outbound", source = local.prefixes.pipelines, destination = local.prefixes.container_apps, ports = ["443", "31443"] },
      ], [
      for tag in setunion(var.pipelines_may_reach, ["AzureActiveDirectory"]) :
      { name = "to-${lower(replace(replace(tag, ".", "-"), "/", "-"))}", direction = "Outbound", source = local.prefixes.pipelines, destination = tag, ports = ["443"] }
    ])
  }
}

resource "azurerm_network_security_group" "this" {
  for_each = local.rules

  name                = "nsg-${replace(each.key, "_", "-")}-${var.name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags

  dynamic "security_rule" {
    for_each = { for position, rule in each.value : position => rule }

    content {
      name                       = security_rule.value.name
      description                = "Allowed by the network module."
      priority                   = 100 + 10 * security_rule.key
      direction                  = security_rule.value.direction
      access                     = "Allow"
      protocol                   = "Tcp"
      source_address_prefix      = security_rule.value.source
      source_port_range          = "*"
      destination_address_prefix = security_rule.value.destination
      destination_port_range     = length(security_rule.value.ports) == 1 ? security_rule.value.ports[0] : null
      destination_port_ranges    = length(security_rule.value.ports) == 1 ? null : security_rule.value.ports
    }
  }

  # Azure's own last rules would allow all of the network in, and all of the Internet out.
  dynamic "security_rule" {
    for_each = toset(["Inbound", "Outbound"])

    content {
      name                       = "deny-${lower(security_rule.value)}"
      description                = "What no rule above allows."
      priority                   = 4096
      direction                  = security_rule.value
      access                     = "Deny"
      protocol                   = "*"
      source_address_prefix      = "*"
      source_port_range          = "*"
      destination_address_prefix = "*"
      destination_port_range     = "*"
    }
  }
}

resource "azurerm_subnet_network_security_group_association" "this" {
  for_each = local.rules

  subnet_id                 = azurerm_subnet.this[each.key].id
  network_security_group_id = azurerm_network_security_group.this[each.key].id
}
