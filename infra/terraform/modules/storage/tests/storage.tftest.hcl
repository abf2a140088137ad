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

run "old_versions_are_deleted_and_nothing_that_is_current" {
  command = plan

  variables {
    version_days = 14
  }

  assert {
    condition     = azurerm_storage_management_policy.this[0].rule[0].actions[0].version[0].delete_after_days_since_creation == 14
    error_message = "Old versions must not be kept for good."
  }

  assert {
    condition     = length(azurerm_storage_management_policy.this[0].rule) == 1 && length(azurerm_storage_management_policy.this[0].rule[0].actions[0].base_blob) == 0
    error_message = "What nobody named must stay."
  }
}

run "what_is_named_is_deleted_by_its_age" {
  command = plan

  variables {
    deleted_after_days = { "captures-" = 400 }
  }

  assert {
    condition     = azurerm_storage_management_policy.this[0].rule[1].filters[0].prefix_match == toset(["captures-"]) && azurerm_storage_management_policy.this[0].rule[1].actions[0].base_blob[0].delete_after_days_since_modification_greater_than == 400
    error_message = "Captures must be deleted by their age, and nothing else."
  }

  assert {
    condition     = azurerm_storage_management_policy.this[0].rule[1].actions[0].version[0].delete_after_days_since_creation == 400
    error_message = "What was deleted by its age must not live on as an old version."
  }
}

run "a_lake_has_no_versions_to_delete" {
  command = plan

  variables {
    kind = "lake"
  }

  assert {
    condition     = length(azurerm_storage_management_policy.this) == 0
    error_message = "Versions are not offered with folders."
  }
}

run "days_that_the_labels_would_miss_are_refused" {
  command = plan

  variables {
    deleted_after_days = { "captures-" = 6 }
  }

  expect_failures = [var.deleted_after_days]
}

run "deleting_everything_by_its_age_is_refused" {
  command = plan

  variables {
    deleted_after_days = { "" = 400 }
  }

  expect_failures = [var.deleted_after_days]
}

run "versions_are_kept_for_a_week_at_least" {
  command = plan

  variables {
    version_days = 1
  }

  expect_failures = [var.version_days]
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

  assert {
    condition     = length(azurerm_storage_management_policy.this) == 0
    error_message = "Nothing of a shared folder is deleted by its age."
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
