# Planned with a mocked provider: its schema and its checks are the real ones, and nothing is asked
# of Azure.
mock_provider "azurerm" {}

variables {
  name                       = "stnorthstartest"
  resource_group_name        = "rg-test"
  location                   = "westeurope"
  containers                 = ["models"]
  private_endpoint_subnet_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/virtualNetworks/vnet-test/subnets/snet-private-endpoints"
  log_analytics_workspace_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.OperationalInsights/workspaces/log-test"
  private_dns_zone_ids = {
    blob = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net"
    dfs  = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.dfs.core.windows.net"
    file = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Network/privateDnsZones/privatelink.file.core.windows.net"
  }
  tags = {
    owner       = "platform-team"
    environment = "dev"
    cost_center = "4711"
  }
}

run "neither_the_public_nor_a_key_gets_in" {
  command = plan

  assert {
    condition     = !azurerm_storage_account.this.public_network_access_enabled && !azurerm_storage_account.this.allow_nested_items_to_be_public && azurerm_storage_account.this.network_rules[0].default_action == "Deny"
    error_message = "The account must be reached over its private endpoints alone."
  }

  assert {
    condition     = !azurerm_storage_account.this.shared_access_key_enabled && !azurerm_storage_account.this.local_user_enabled && azurerm_storage_account.this.default_to_oauth_authentication
    error_message = "Only identities may get in."
  }

  assert {
    condition     = azurerm_storage_account.this.min_tls_version == "TLS1_2" && azurerm_storage_account.this.https_traffic_only_enabled
    error_message = "Traffic must be encrypted."
  }
}

run "what_is_deleted_can_be_brought_back" {
  command = plan

  assert {
    condition     = azurerm_storage_account.this.blob_properties[0].versioning_enabled && azurerm_storage_account.this.blob_properties[0].delete_retention_policy[0].days == 30
    error_message = "Blobs must stay recoverable."
  }
}

run "blobs_are_reached_over_blob_and_file" {
  command = plan

  assert {
    condition     = length(azurerm_private_endpoint.blob) == 1 && length(azurerm_private_endpoint.dfs) == 0
    error_message = "Blobs need their endpoint, and no other one."
  }
}

run "a_lake_is_reached_over_dfs_too" {
  command = plan

  variables {
    kind = "lake"
  }

  assert {
    condition     = azurerm_private_endpoint.dfs[0].private_dns_zone_group[0].private_dns_zone_ids[0] == var.private_dns_zone_ids.dfs
    error_message = "A lake needs an endpoint for dfs."
  }
}

run "a_shared_folder_has_no_blobs" {
  command = plan

  variables {
    kind       = "nfs"
    containers = []
    shares     = { state = 100 }
  }

  assert {
    condition     = length(azurerm_private_endpoint.blob) == 0 && azurerm_storage_share.this["state"].enabled_protocol == "NFS"
    error_message = "An nfs account has an endpoint for its shares alone."
  }
}

run "an_smb_share_is_refused" {
  command = plan

  variables {
    shares = { state = 100 }
  }

  expect_failures = [var.shares]
}

run "copies_that_premium_does_not_have_are_refused" {
  command = plan

  variables {
    kind        = "nfs"
    containers  = []
    replication = "GZRS"
  }

  expect_failures = [var.replication]
}

# By these names the policy `diagnostics` knows, before the account is there, which service is logged.
run "logs_of_each_service_are_kept" {
  command = plan

  override_resource {
    target          = azurerm_storage_account.this
    override_during = plan
    values = {
      id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-test/providers/Microsoft.Storage/storageAccounts/stnorthstartest"
    }
  }

  assert {
    condition     = endswith(azurerm_monitor_diagnostic_setting.blob[0].target_resource_id, "/blobServices/default") && endswith(azurerm_monitor_diagnostic_setting.file.target_resource_id, "/fileServices/default")
    error_message = "The settings must be of the services that they are named after."
  }
}
