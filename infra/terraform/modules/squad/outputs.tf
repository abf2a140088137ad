output "resource_group_name" {
  description = "Name of the squad's resource group."
  value       = azurerm_resource_group.this.name
}

output "identities" {
  description = "The squad's identities, training, serving and ci: resource id, client id and object id."
  value = {
    for name, identity in azurerm_user_assigned_identity.this :
    name => { id = identity.id, client_id = identity.client_id, object_id = identity.principal_id }
  }
}

output "serving_identity_id" {
  description = "Resource id of the identity of the squad's endpoints."
  value       = azurerm_user_assigned_identity.this["serving"].id
}

output "captures" {
  description = "Where the squad's endpoints ship their captures."
  value       = module.captures.address
}

output "vault_uri" {
  description = "Address of the squad's vault."
  value       = module.vault.uri
}

output "machine_learning_workspace_id" {
  description = "Resource id of the workspace that the squad trains in."
  value       = module.machine_learning.id
}

output "container_name" {
  description = "Name of the squad's container."
  value       = azurerm_storage_container.this.name
}
