# Planned with a mocked provider: its schema and its checks are the real ones, and nothing is asked
# of Azure.
mock_provider "azurerm" {}

variables {
  name                          = "operations"
  location                      = "westeurope"
  machine_learning_workspace_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.MachineLearningServices/workspaces/mlw-test"
  identity_id                   = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-training"
  tags = {
    owner       = "platform-team"
    environment = "dev"
    cost_center = "4711"
  }
}

run "nodes_are_private_and_gone_when_idle" {
  command = plan

  assert {
    condition     = !azurerm_machine_learning_compute_cluster.this.node_public_ip_enabled && !azurerm_machine_learning_compute_cluster.this.local_auth_enabled
    error_message = "Nodes must have neither a public address nor local users."
  }

  assert {
    condition     = azurerm_machine_learning_compute_cluster.this.scale_settings[0].min_node_count == 0
    error_message = "Without work there must be no node."
  }
}

run "a_cluster_without_an_end_is_refused" {
  command = plan

  variables {
    max_nodes = 1000
  }

  expect_failures = [var.max_nodes]
}
