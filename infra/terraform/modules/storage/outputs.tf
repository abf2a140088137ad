output "id" {
  description = "Resource id of the storage account."
  value       = azurerm_storage_account.this.id
}

output "name" {
  description = "Name of the storage account."
  value       = azurerm_storage_account.this.name
}

output "blob_endpoint" {
  description = "Address of the blobs; empty for an nfs share."
  value       = local.nfs ? "" : azurerm_storage_account.this.primary_blob_endpoint
}

output "file_host" {
  description = "Host of the shares."
  value       = azurerm_storage_account.this.primary_file_host
}

output "container_ids" {
  description = "Resource ids of the containers by their names."
  value       = { for name, container in azurerm_storage_container.this : name => container.id }
}

output "share_names" {
  description = "Names of the shares, once they are made."
  value       = { for name, share in azurerm_storage_share.this : name => share.name }
}
