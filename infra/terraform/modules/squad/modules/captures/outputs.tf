output "address" {
  description = "Where the squad's endpoints ship their captures: NORTHSTAR_CAPTURES of northstar serve."
  value       = "abfs://${azurerm_storage_container.this.name}@${reverse(split("/", var.storage_account_id))[0]}.dfs.core.windows.net"
}
