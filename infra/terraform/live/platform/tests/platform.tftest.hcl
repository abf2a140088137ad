# Planned with a mocked provider: its schema and its checks are the real ones, and nothing is asked
# of Azure.
mock_provider "azurerm" {}

variables {
  environment             = "dev"
  location                = "westeurope"
  address_space           = "10.40.0.0/22"
  image                   = "northstar:0.1.0"
  subscription_id         = "00000000-0000-0000-0000-000000000001"
  tenant_id               = "11111111-1111-1111-1111-111111111111"
  database_administrators = { name = "northstar-administrators", object_id = "22222222-2222-2222-2222-222222222222" }
  alert_emails            = { platform = "platform@example.com" }
  tags                    = { owner = "platform-team", cost_center = "4711" }
}

run "a_stage_without_squads_can_be_made" {
  command = plan

  assert {
    condition     = length(module.squad) == 0 && length(azurerm_resource_group.this) == 4
    error_message = "A stage must stand before the first squad comes."
  }
}

run "an_endpoint_without_its_squad_is_refused" {
  command = plan

  variables {
    endpoints = { "operations/late-arrival" = { client_id = "service:late-arrival" } }
  }

  expect_failures = [var.endpoints]
}

run "a_small_production_is_refused" {
  command = plan

  variables {
    environment = "prod"
    size        = "small"
  }

  expect_failures = [var.size]
}
