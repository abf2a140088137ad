# Planned with a mocked provider: its schema and its checks are the real ones, and nothing is asked
# of Azure.
mock_provider "azurerm" {}

variables {
  squad                = "operations"
  storage_account_id   = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Storage/storageAccounts/ststore"
  serving_principal_id = "33333333-3333-3333-3333-333333333333"
}

run "endpoints_find_and_write_what_is_their_squads" {
  command = plan

  assert {
    condition     = output.address == "abfs://captures-operations@ststore.dfs.core.windows.net"
    error_message = "The address must name the container and the account."
  }

  assert {
    condition     = azurerm_role_assignment.serving.role_definition_name == "Storage Blob Data Contributor" && azurerm_storage_container.this.container_access_type == "private"
    error_message = "Endpoints must be able to write, and nobody else to read."
  }
}

run "a_name_that_no_container_has_is_refused" {
  command = plan

  variables {
    squad = "Operations"
  }

  expect_failures = [var.squad]
}
