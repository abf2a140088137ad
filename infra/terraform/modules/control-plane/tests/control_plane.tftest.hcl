# Planned with a mocked provider: its schema and its checks are the real ones, and nothing is asked
# of Azure.
mock_provider "azurerm" {}

variables {
  name                                   = "northstar-test"
  resource_group_name                    = "rg-test"
  location                               = "westeurope"
  image                                  = "northstar:1.0.0"
  state_account_name                     = "stnorthstarstate"
  store_account_name                     = "stnorthstarstore"
  database_host                          = "psql-test.postgres.database.azure.com"
  key_vault_id                           = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.KeyVault/vaults/kv-test"
  key_vault_uri                          = "https://kv-test.vault.azure.net/"
  container_registry_id                  = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.ContainerRegistry/registries/crtest"
  container_registry_login_server        = "crtest.azurecr.io"
  app_configuration_endpoint             = "https://appcs-test.azconfig.io"
  app_configuration_id                   = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.AppConfiguration/configurationStores/appcs-test"
  application_insights_id                = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Insights/components/appi-test"
  application_insights_connection_string = "InstrumentationKey=00000000-0000-0000-0000-000000000000"
  container_apps_subnet_id               = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/virtualNetworks/vnet-test/subnets/snet-container-apps"
  container_apps_prefix                  = "10.40.1.0/24"
  private_endpoint_subnet_id             = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/virtualNetworks/vnet-test/subnets/snet-private-endpoints"
  log_analytics_workspace_id             = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.OperationalInsights/workspaces/log-test"
  private_dns_zone_ids = {
    blob           = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net"
    container_apps = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.westeurope.azurecontainerapps.io"
    dfs            = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.dfs.core.windows.net"
    file           = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.file.core.windows.net"
  }
  tags = {
    owner       = "platform-team"
    environment = "dev"
    cost_center = "4711"
  }
}

run "reached_inside_of_the_network_alone" {
  command = plan

  assert {
    condition     = azurerm_container_app_environment.this.internal_load_balancer_enabled && azurerm_container_app_environment.this.public_network_access == "Disabled"
    error_message = "The environment must have no public address."
  }

  assert {
    condition     = !azurerm_container_app.this["server"].ingress[0].allow_insecure_connections
    error_message = "Nothing may be sent in the clear."
  }
}

run "replicas_find_their_settings" {
  command = plan

  # Mocked, the identity's name is known and the addresses are not.
  assert {
    condition     = azurerm_user_assigned_identity.this.name == "id-northstar-test" && azurerm_container_app.this["server"].template[0].min_replicas == 2
    error_message = "The identity is the control plane's user in PostgreSQL."
  }

  assert {
    condition     = join(" ", azurerm_container_app.this["server"].template[0].container[0].command) == "tini -- northstar server --host 0.0.0.0 --port 8700"
    error_message = "The container must run the server on the port that the ingress asks, under an init that reaps what jobs leave behind."
  }
}

run "what_is_kept_is_in_the_store" {
  command = plan

  assert {
    condition     = local.settings.NORTHSTAR_STORE == "abfs://northstar@stnorthstarstore.dfs.core.windows.net" && local.settings.NORTHSTAR_CAPTURES == "abfs://captures-{squad}@stnorthstarstore.dfs.core.windows.net"
    error_message = "Each squad's captures must be in a container of their own, and nothing else with them."
  }

  assert {
    condition     = azurerm_role_assignment.on_store.role_definition_name == "Storage Blob Data Contributor"
    error_message = "Without the role the server does not start."
  }
}

run "jobs_run_beside_what_answers_and_as_users_of_their_own" {
  command = plan

  assert {
    condition     = azurerm_container_app.this["jobs"].name == "northstar-test-jobs" && length(azurerm_container_app.this["jobs"].ingress) == 0 && azurerm_container_app.this["jobs"].template[0].max_replicas == 1 && length(azurerm_container_app.this["jobs"].template[0].http_scale_rule) == 0
    error_message = "One replica must run jobs, and answer nobody."
  }

  assert {
    condition     = { for key, app in azurerm_container_app.this : key => one([for env in app.template[0].container[0].env : env.value if env.name == "NORTHSTAR_ELSEWHERE"]) } == { server = "jobs endpoints", jobs = "endpoints" }
    error_message = "The replicas that answer must run no code of squads, and none of them an endpoint."
  }

  assert {
    condition     = local.settings.NORTHSTAR_JOB_UIDS == "20000-59999" && !contains(keys(local.settings), "NORTHSTAR_JOBS")
    error_message = "Jobs must have users of their own."
  }

  assert {
    condition     = alltrue([for app in azurerm_container_app.this : contains([for mount in app.template[0].container[0].volume_mounts : "${mount.name} ${mount.path}"], "work ${local.settings.NORTHSTAR_WORK}")])
    error_message = "What a job says must be seen by every replica."
  }

  assert {
    condition     = !startswith("${local.settings.NORTHSTAR_WORK}/", "${local.settings.NORTHSTAR_STATE}/") # which is closed to other users
    error_message = "The users must be able to reach their folder."
  }
}

run "everything_but_the_servers_is_made_before_there_is_an_image" {
  command = plan

  variables {
    image = null
  }

  assert {
    condition     = length(azurerm_container_app.this) == 0 && length(azurerm_container_app_environment_storage.this) == 2
    error_message = "The servers can't start before their image is in the registry."
  }
}

run "an_image_that_moves_is_refused" {
  command = plan

  variables {
    image = "northstar:latest"
  }

  expect_failures = [var.image]
}

run "a_secret_in_the_settings_is_refused" {
  command = plan

  variables {
    settings = { NORTHSTAR_SIGN_IN_CLIENT_SECRET = "hunter2" }
  }

  expect_failures = [var.settings]
}

run "a_setting_that_the_module_sets_is_refused" {
  command = plan

  variables {
    settings = { NORTHSTAR_TRUSTED_PROXIES = "0.0.0.0/0" }
  }

  expect_failures = [var.settings]
}

run "a_size_that_is_not_offered_is_refused" {
  command = plan

  variables {
    size = { cpu = 1, memory = "16Gi" }
  }

  expect_failures = [var.size]
}

run "a_training_that_does_not_fit_is_refused" {
  command = plan

  variables {
    jobs_size = { cpu = 8, memory = "16Gi" }
  }

  expect_failures = [var.jobs_size]
}

run "a_name_that_leaves_no_room_for_that_of_the_jobs_is_refused" {
  command = plan

  variables {
    name = "northstar-test-that-is-longer"
  }

  expect_failures = [var.name]
}

run "captures_are_kept_for_a_week_at_least" {
  command = plan

  variables {
    capture_days = 6
  }

  expect_failures = [var.capture_days]
}
