# Planned with a mocked provider: its schema and its checks are the real ones, and nothing is asked
# of Azure.
mock_provider "azurerm" {}

variables {
  name                             = "late-arrival"
  resource_group_name              = "rg-test"
  endpoint                         = "operations/late-arrival/dev"
  image                            = "northstar:1.0.0"
  container_app_environment_id     = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.App/managedEnvironments/cae-test"
  container_app_environment_domain = "kindsky-0123abcd.westeurope.azurecontainerapps.io"
  captures                         = "abfs://captures-operations@ststore.dfs.core.windows.net"
  identity_client_id               = "44444444-4444-4444-4444-444444444444"
  identity_id                      = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-serving"
  container_registry_login_server  = "crtest.azurecr.io"
  control_plane_url                = "https://northstar.example.com"
  northstar_client_id              = "service:operations/late-arrival-dev"

  application_insights_connection_string = "InstrumentationKey=00000000-0000-0000-0000-000000000000"

  tags = {
    owner       = "platform-team"
    environment = "dev"
    cost_center = "4711"
  }
}

run "tells_of_itself_as_its_identity" {
  command = plan

  assert {
    condition     = anytrue([for one in azurerm_container_app.this.template[0].container[0].env : one.name == "APPLICATIONINSIGHTS_CONNECTION_STRING" ? startswith(one.value, "InstrumentationKey=") : false])
    error_message = "Telemetry must go to Application Insights."
  }

  assert {
    condition     = anytrue([for one in azurerm_container_app.this.template[0].container[0].env : one.name == "APPLICATIONINSIGHTS_AUTHENTICATION_STRING" && one.value == "Authorization=AAD;ClientId=44444444-4444-4444-4444-444444444444"])
    error_message = "Application Insights takes no key alone."
  }
}

run "serves_its_endpoint" {
  command = plan

  assert {
    condition     = strcontains(join(" ", azurerm_container_app.this.template[0].container[0].command), " northstar serve operations/late-arrival/dev --host 0.0.0.0 ")
    error_message = "The container must serve the endpoint that it is for."
  }

  assert {
    condition     = slice(azurerm_container_app.this.template[0].container[0].command, 0, 5) == tolist(["setpriv", "--reuid=northstar", "--regid=northstar", "--clear-groups", "--no-new-privs"])
    error_message = "A squad's model must not run as root, nor be able to become it."
  }

  assert {
    condition     = !azurerm_container_app.this.ingress[0].allow_insecure_connections
    error_message = "Nothing may be sent in the clear."
  }
}

run "callers_are_told_the_address_of_the_ingress" {
  command = plan

  assert {
    condition     = one([for env in azurerm_container_app.this.template[0].container[0].env : env.value if env.name == "NORTHSTAR_ENDPOINT_URL"]) == "https://late-arrival.kindsky-0123abcd.westeurope.azurecontainerapps.io"
    error_message = "The endpoint must say where it is reached, not what it listens on."
  }
}

run "is_known_by_its_identity_and_has_no_secret" {
  command = plan

  assert {
    condition     = { for env in azurerm_container_app.this.template[0].container[0].env : env.name => env.value if contains(["NORTHSTAR_CLIENT_ID", "NORTHSTAR_FEDERATED_TOKEN_RESOURCE"], env.name) } == { NORTHSTAR_CLIENT_ID = "service:operations/late-arrival-dev", NORTHSTAR_FEDERATED_TOKEN_RESOURCE = "api://AzureADTokenExchange" }
    error_message = "The control plane must know the endpoint by its identity's token."
  }

  assert {
    condition     = length(azurerm_container_app.this.secret) == 0 && alltrue([for env in azurerm_container_app.this.template[0].container[0].env : env.secret_name == null])
    error_message = "An endpoint needs no secret."
  }
}

run "ships_captures_as_its_squads_identity_and_shares_no_folder" {
  command = plan

  assert {
    condition     = { for env in azurerm_container_app.this.template[0].container[0].env : env.name => env.value if contains(["NORTHSTAR_CAPTURES", "AZURE_CLIENT_ID"], env.name) } == { NORTHSTAR_CAPTURES = "abfs://captures-operations@ststore.dfs.core.windows.net", AZURE_CLIENT_ID = "44444444-4444-4444-4444-444444444444" }
    error_message = "The endpoint must know where its captures go and as whom."
  }

  assert {
    condition     = alltrue([for volume in azurerm_container_app.this.template[0].volume : volume.storage_type == "EmptyDir"])
    error_message = "An endpoint must share no folder with anybody."
  }
}

run "captures_that_end_with_the_replica_are_refused" {
  command = plan

  variables {
    captures = "/srv/captures"
  }

  expect_failures = [var.captures]
}

run "a_token_for_nobody_is_refused" {
  command = plan

  variables {
    token_resource = "northstar"
  }

  expect_failures = [var.token_resource]
}

run "an_endpoint_of_no_stage_is_refused" {
  command = plan

  variables {
    endpoint = "operations/late-arrival"
  }

  expect_failures = [var.endpoint]
}

run "a_size_that_is_not_offered_is_refused" {
  command = plan

  variables {
    size = { cpu = 0.3, memory = "0.6Gi" }
  }

  expect_failures = [var.size]
}
