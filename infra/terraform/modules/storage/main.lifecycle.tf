# What is deleted by its age, so that accounts do not grow for good: versions that others replaced,
# and what is only needed for a while. Whatever this deletes can still be brought back for
# retention_days.
resource "azurerm_storage_management_policy" "this" {
  count = var.kind == "blobs" || length(var.deleted_after_days) > 0 ? 1 : 0

  storage_account_id = azurerm_storage_account.this.id

  # Never a current version: there are no actions for it.
  dynamic "rule" {
    for_each = var.kind == "blobs" ? [var.version_days] : []

    content {
      name    = "old-versions"
      enabled = true

      filters {
        blob_types = ["blockBlob"] # appending to a blob makes no version
      }

      actions {
        version {
          delete_after_days_since_creation = rule.value
        }
      }
    }
  }

  dynamic "rule" {
    for_each = var.deleted_after_days

    content {
      name    = "from-${trimsuffix(rule.key, "-")}"
      enabled = true

      filters {
        blob_types   = ["blockBlob", "appendBlob"]
        prefix_match = [rule.key]
      }

      actions {
        base_blob {
          delete_after_days_since_modification_greater_than = rule.value
        }

        # A blob that is deleted is an old version from then on: it would be kept as long as those.
        dynamic "version" {
          for_each = var.kind == "blobs" ? [rule.value] : []

          content {
            delete_after_days_since_creation = version.value
          }
        }
      }
    }
  }
}
