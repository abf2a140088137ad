output "id" {
  description = "Resource id of the workspace."
  value       = azurerm_machine_learning_workspace.this.id
}

output "principal_id" {
  description = "Principal id of the workspace's identity."
  value       = azurerm_user_assigned_identity.workspace.principal_id
}
