# Planned with a mocked provider: its schema and its checks are the real ones, and nothing is asked
# of Azure.
mock_provider "azurerm" {}

variables {
  name                       = "northstar-test"
  resource_group_name        = "rg-test"
  location                   = "westeurope"
  address_space              = "10.40.0.0/22"
  log_analytics_workspace_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.OperationalInsights/workspaces/log-test"
  tags = {
    owner       = "platform-team"
    environment = "dev"
    cost_center = "4711"
  }
}

run "every_subnet_has_rules_that_end_in_deny" {
  command = plan

  assert {
    condition     = toset(keys(azurerm_subnet_network_security_group_association.this)) == toset(keys(azurerm_subnet.this))
    error_message = "Each subnet needs a network security group."
  }

  assert {
    condition = alltrue([
      for group in azurerm_network_security_group.this :
      toset([for rule in group.security_rule : rule.direction if rule.priority == 4096 && rule.access == "Deny"]) == toset(["Inbound", "Outbound"])
    ])
    error_message = "The last rule of each direction must deny."
  }

  assert {
    condition = alltrue(flatten([
      for group in azurerm_network_security_group.this : [
        for rule in group.security_rule : !contains(["*", "Internet", "0.0.0.0/0"], rule.source_address_prefix) if rule.access == "Allow"
      ]
    ]))
    error_message = "No rule may let everybody in."
  }
}

run "subnets_do_not_overlap" {
  command = plan

  assert {
    condition     = length(distinct(values(output.subnet_prefixes))) == 3 && output.subnet_prefixes.pipelines == "10.40.2.0/24"
    error_message = "Each subnet must have addresses of its own."
  }
}

run "every_zone_is_linked" {
  command = plan

  assert {
    condition     = toset([for zone in azurerm_private_dns_zone.this : zone.name]) == toset([for link in azurerm_private_dns_zone_virtual_network_link.this : link.private_dns_zone_name])
    error_message = "A zone that is not linked answers nobody."
  }
}

run "a_network_that_is_too_small_is_refused" {
  command = plan

  variables {
    address_space = "10.40.0.0/26"
  }

  expect_failures = [var.address_space]
}

run "dockers_addresses_are_refused" {
  command = plan

  variables {
    address_space = "172.17.0.0/22"
  }

  expect_failures = [var.address_space]
}

run "people_come_in_from_where_they_are_said_to_be_and_reach_private_endpoints_alone" {
  command = plan

  variables {
    people_from = ["10.8.0.0/16"]
  }

  assert {
    condition = [
      for rule in flatten([for group in azurerm_network_security_group.this : tolist(group.security_rule)]) :
      "${rule.direction} ${rule.destination_address_prefix}:${rule.destination_port_range}" if rule.source_address_prefix == "10.8.0.0/16"
    ] == ["Inbound 10.40.0.0/24:443"]
    error_message = "People must reach the private endpoints over HTTPS, and nothing else."
  }
}

run "people_from_the_internet_are_refused" {
  command = plan

  variables {
    people_from = ["20.0.0.0/8"]
  }

  expect_failures = [var.people_from]
}

run "administrators_reach_the_database_from_the_pipelines_subnet" {
  command = plan

  assert {
    condition     = anytrue([for rule in azurerm_network_security_group.this["private_endpoints"].security_rule : rule.source_address_prefix == "10.40.2.0/24" && rule.destination_port_range == "5432"])
    error_message = "Somebody must be able to let identities into the databases."
  }

  assert {
    condition     = anytrue([for rule in azurerm_network_security_group.this["pipelines"].security_rule : contains(coalesce(rule.destination_port_ranges, []), "5432") && rule.destination_address_prefix == "10.40.0.0/24"])
    error_message = "The way must be open on both sides."
  }
}

run "what_is_let_out_has_an_address_to_leave_by" {
  command = plan

  assert {
    condition     = length(azurerm_nat_gateway.this) == 1 && toset(keys(azurerm_subnet_nat_gateway_association.this)) == toset(["container_apps", "pipelines"]) && length(azurerm_route_table.this) == 0
    error_message = "Without a way out, container apps and pipelines reach not even Entra ID."
  }
}

run "what_is_let_out_goes_through_the_firewall" {
  command = plan

  variables {
    egress              = "10.0.0.4"
    hub_id              = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hub/providers/Microsoft.Network/virtualNetworks/vnet-hub"
    hub_gateway         = true
    pipelines_may_reach = ["Internet"]
  }

  assert {
    condition     = length(azurerm_public_ip.egress) == 0 && one(azurerm_route_table.this[0].route).next_hop_in_ip_address == "10.0.0.4" && length(azurerm_subnet_route_table_association.this) == 2
    error_message = "Everything that leaves must pass the firewall."
  }

  assert {
    condition     = azurerm_virtual_network_peering.hub[0].use_remote_gateways && azurerm_virtual_network_peering.hub[0].allow_forwarded_traffic
    error_message = "People come through the hub."
  }
}

run "a_way_out_that_is_none_is_refused" {
  command = plan

  variables {
    egress = "20.0.0.4"
  }

  expect_failures = [var.egress]
}

run "a_gateway_without_a_hub_is_refused" {
  command = plan

  variables {
    hub_gateway = true
  }

  expect_failures = [var.hub_gateway]
}

run "an_open_internet_is_refused" {
  command = plan

  variables {
    pipelines_may_reach = ["Internet"]
  }

  expect_failures = [var.pipelines_may_reach]
}

run "a_service_that_reaches_everybodys_data_is_refused" {
  command = plan

  variables {
    pipelines_may_reach = ["Storage"]
  }

  expect_failures = [var.pipelines_may_reach]
}

run "public_addresses_are_refused" {
  command = plan

  variables {
    pipelines_may_reach = ["140.82.112.0/20"]
  }

  expect_failures = [var.pipelines_may_reach]
}

run "another_region_is_refused" {
  command = plan

  variables {
    location = "eastus"
  }

  expect_failures = [var.location]
}

run "a_missing_tag_is_refused" {
  command = plan

  variables {
    tags = { owner = "platform-team" }
  }

  expect_failures = [var.tags]
}
