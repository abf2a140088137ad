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

run "an_open_internet_is_refused" {
  command = plan

  variables {
    pipelines_may_reach = ["Internet"]
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
