# Planned with a mocked provider: its schema and its checks are the real ones, and nothing is asked
# of Azure.
mock_provider "azurerm" {}

variables {
  name                       = "operations"
  platform                   = "northstar"
  environment                = "dev"
  location                   = "westeurope"
  subscription_id            = "00000000-0000-0000-0000-000000000000"
  tenant_id                  = "11111111-1111-1111-1111-111111111111"
  members_group_id           = "22222222-2222-2222-2222-222222222222"
  github_repositories        = ["airline/late-arrival"]
  monthly_budget             = 1000
  action_group_id            = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Insights/actionGroups/ag-test"
  storage_account_id         = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Storage/storageAccounts/sttest"
  store_account_id           = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Storage/storageAccounts/ststore"
  container_registry_id      = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.ContainerRegistry/registries/crtest"
  app_configuration_id       = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.AppConfiguration/configurationStores/appcs-test"
  application_insights_id    = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Insights/components/appi-test"
  private_endpoint_subnet_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/virtualNetworks/vnet-test/subnets/snet-private-endpoints"
  log_analytics_workspace_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.OperationalInsights/workspaces/log-test"
  private_link_scope = {
    name                = "ampls-test"
    resource_group_name = "rg-test"
  }
  private_dns_zone_ids = {
    blob                 = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net"
    container_registry   = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.azurecr.io"
    dfs                  = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.dfs.core.windows.net"
    file                 = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.file.core.windows.net"
    machine_learning     = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.api.azureml.ms"
    machine_learning_web = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.notebooks.azure.net"
    vault                = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.vaultcore.azure.net"
  }
  tags = {
    owner       = "platform-team"
    environment = "dev"
    cost_center = "4711"
  }
}

run "ci_signs_in_without_a_secret" {
  command = plan

  assert {
    condition     = azurerm_federated_identity_credential.github["airline/late-arrival"].subject == "repo:airline/late-arrival:environment:dev"
    error_message = "A workflow must be known by its repository and environment."
  }

  assert {
    condition     = tolist(azurerm_federated_identity_credential.github["airline/late-arrival"].audience) == tolist(["api://AzureADTokenExchange"])
    error_message = "Tokens must be meant for Entra ID."
  }
}

run "azure_devops_signs_in_without_a_secret" {
  command = plan

  variables {
    azure_devops_connections = { fares = "/eid1/c/pub/t/EREREREREREREREREREREQ/a/rISbSSETf0KqFyZ8ppdXmA/sc/66666666-6666-6666-6666-666666666666/77777771-7777-7777-7777-777777777777" }
  }

  assert {
    condition     = azurerm_federated_identity_credential.azure_devops["fares"].issuer == "https://login.microsoftonline.com/${var.tenant_id}/v2.0" && azurerm_federated_identity_credential.azure_devops["fares"].subject == var.azure_devops_connections["fares"]
    error_message = "A pipeline must be known by its service connection, in the tenant."
  }
}

run "a_connection_with_the_issuer_of_azure_devops_is_refused" {
  command = plan

  variables {
    azure_devops_connections = { fares = "sc://airline/fares/prod" }
  }

  expect_failures = [var.azure_devops_connections]
}

run "another_application_of_the_tenant_is_refused" {
  command = plan

  variables {
    azure_devops_connections = { other = "/eid1/c/pub/t/EREREREREREREREREREREQ/a/9ExAW52n_ky4ZiS_jhpJIQ/sc/66666666-6666-6666-6666-666666666666/77777771-7777-7777-7777-777777777777" }
  }

  expect_failures = [var.azure_devops_connections]
}

run "serving_reads_what_training_writes" {
  command = plan

  assert {
    condition     = azurerm_role_assignment.serving_on_container.role_definition_name == "Storage Blob Data Reader" && azurerm_role_assignment.training_on_container.role_definition_name == "Storage Blob Data Contributor"
    error_message = "Only training may write."
  }
}

run "captures_are_apart_from_what_training_writes" {
  command = plan

  assert {
    condition     = output.captures == "abfs://captures-operations@ststore.dfs.core.windows.net" && azurerm_storage_container.this.name == "operations"
    error_message = "Captures must have a container of their own."
  }
}

run "people_write_where_it_is_not_production" {
  command = plan

  assert {
    condition     = azurerm_role_assignment.people_on_container.role_definition_name == "Storage Blob Data Contributor"
    error_message = "In dev people must be able to write."
  }
}

run "people_only_read_in_production" {
  command = plan

  variables {
    environment = "prod"
  }

  assert {
    condition     = azurerm_role_assignment.people_on_container.role_definition_name == "Storage Blob Data Reader"
    error_message = "In prod data is written by jobs alone."
  }
}

run "everything_carries_the_squads_tag" {
  command = plan

  assert {
    condition     = azurerm_resource_group.this.tags["squad"] == "operations" && alltrue([for identity in azurerm_user_assigned_identity.this : identity.tags["squad"] == "operations"])
    error_message = "Without the tag the costs are nobody's."
  }
}

run "people_and_ci_submit_jobs_to_their_own_workspace_alone" {
  command = plan

  override_module {
    target = module.machine_learning
    outputs = {
      id           = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.MachineLearningServices/workspaces/mlw-test"
      principal_id = "44444444-4444-4444-4444-444444444444"
    }
  }

  assert {
    condition     = alltrue([for one in [azurerm_role_assignment.people_on_workspace, azurerm_role_assignment.ci_on_workspace] : one.scope == output.machine_learning_workspace_id && one.role_definition_name == "AzureML Data Scientist"])
    error_message = "Who submits jobs to a workspace has the identities of all of its clusters."
  }
}

run "a_group_is_not_the_platforms" {
  command = plan

  variables {
    name = "network"
  }

  assert {
    condition     = azurerm_resource_group.this.name == "rg-northstar-dev-squad-network"
    error_message = "A squad named as a part of the platform must not be that part."
  }
}

run "a_long_name_still_fits" {
  command = plan

  variables {
    name = "customer-care-and-recovery-of-lost-luggage"
  }

  assert {
    condition     = length(azurerm_resource_group.this.name) <= 90
    error_message = "Names must fit."
  }
}

run "a_pattern_of_repositories_is_refused" {
  command = plan

  variables {
    github_repositories = ["airline/*"]
  }

  expect_failures = [var.github_repositories]
}

run "a_budget_begins_in_the_month_in_which_it_is_made" {
  command = plan

  assert {
    condition     = azurerm_consumption_budget_subscription.this.time_period[0].start_date == formatdate("YYYY-MM-'01T00:00:00Z'", plantimestamp())
    error_message = "Azure takes no month that is past."
  }
}

run "a_budget_of_nothing_is_refused" {
  command = plan

  variables {
    monthly_budget = 0
  }

  expect_failures = [var.monthly_budget]
}
