# Planned with a mocked provider: its schema and its checks are the real ones, and nothing is asked
# of Azure.
mock_provider "azurerm" {}

variables {
  name                            = "late-arrival"
  resource_group_name             = "rg-test"
  endpoint                        = "operations/late-arrival/dev"
  image                           = "northstar:1.0.0"
  container_app_environment_id    = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.App/managedEnvironments/cae-test"
  captures_storage_name           = "state"
  identity_id                     = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-serving"
  container_registry_login_server = "crtest.azurecr.io"
  control_plane_url               = "https://northstar.example.com"
  northstar_client_id             = "service:late-arrival-dev"
  northstar_secret_id             = "https://kv-test.vault.azure.net/secrets/late-arrival-dev"
  tags = {
    owner       = "platform-team"
    environment = "dev"
    cost_center = "4711"
  }
}

run "serves_its_endpoint" {
  command = plan

  assert {
    condition     = slice(azurerm_container_app.this.template[0].container[0].command, 0, 3) == tolist(["northstar", "serve", "operations/late-arrival/dev"])
    error_message = "The container must serve the endpoint that it is for."
  }

  assert {
    condition     = !azurerm_container_app.this.ingress[0].allow_insecure_connections
    error_message = "Nothing may be sent in the clear."
  }
}

run "the_secret_stays_in_the_vault" {
  command = plan

  assert {
    condition     = alltrue([for secret in azurerm_container_app.this.secret : secret.value == null && secret.key_vault_secret_id != null])
    error_message = "Secrets must be references."
  }
}

run "sees_its_own_captures_alone" {
  command = plan

  assert {
    condition     = [for mount in azurerm_container_app.this.template[0].container[0].volume_mounts : mount.sub_path if mount.name == "captures"] == ["captures/operations/late-arrival/dev"]
    error_message = "The folder of all captures must not be mounted."
  }
}

run "a_secret_instead_of_its_address_is_refused" {
  command = plan

  variables {
    northstar_secret_id = "hunter2"
  }

  expect_failures = [var.northstar_secret_id]
}

run "an_endpoint_of_no_stage_is_refused" {
  command = plan

  variables {
    endpoint = "operations/late-arrival"
  }

  expect_failures = [var.endpoint]
}
