locals {
  nfs = var.kind == "nfs"
}

resource "azurerm_storage_account" "this" {
  name                              = var.name
  resource_group_name               = var.resource_group_name
  location                          = var.location
  account_kind                      = local.nfs ? "FileStorage" : "StorageV2"
  account_tier                      = local.nfs ? "Premium" : "Standard"
  account_replication_type          = var.replication
  is_hns_enabled                    = var.kind == "lake"
  min_tls_version                   = "TLS1_2"
  https_traffic_only_enabled        = !local.nfs # NFS 4.1 has no TLS; its traffic stays in the network
  infrastructure_encryption_enabled = true
  public_network_access_enabled     = false
  shared_access_key_enabled         = false
  default_to_oauth_authentication   = true
  allow_nested_items_to_be_public   = false
  local_user_enabled                = false
  cross_tenant_replication_enabled  = false
  allowed_copy_scope                = "PrivateLink"
  tags                              = var.tags

  network_rules {
    default_action = "Deny"
    bypass         = ["AzureServices"]
  }

  # Keys are off, and with them signatures that are made of keys; this holds for signatures that
  # identities make.
  sas_policy {
    expiration_period = "00.01:00:00"
    expiration_action = "Block"
  }

  dynamic "blob_properties" {
    for_each = local.nfs ? [] : [var.retention_days]

    content {
      versioning_enabled = var.kind == "blobs" # not offered with folders

      delete_retention_policy {
        days = blob_properties.value
      }

      container_delete_retention_policy {
        days = blob_properties.value
      }
    }
  }

  dynamic "share_properties" {
    for_each = local.nfs ? [var.retention_days] : []

    content {
      retention_policy {
        days = share_properties.value
      }
    }
  }
}

resource "azurerm_storage_container" "this" {
  for_each = var.containers

  name                  = each.value
  storage_account_id    = azurerm_storage_account.this.id
  container_access_type = "private"
}

resource "azurerm_storage_share" "this" {
  for_each = var.shares

  name               = each.key
  storage_account_id = azurerm_storage_account.this.id
  enabled_protocol   = "NFS"
  quota              = each.value
}
