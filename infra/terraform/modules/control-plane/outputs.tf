output "url" {
  description = "Address of the control plane inside of the network."
  value       = local.url
}

output "container_app_environment_id" {
  description = "Resource id of the environment, which endpoints run in as well."
  value       = azurerm_container_app_environment.this.id
}

output "store_account_id" {
  description = "Storage account of models, artifacts and captures."
  value       = module.store.id
}

output "container_app_environment_domain" {
  description = "Domain of that environment: what runs in it is reached at NAME.DOMAIN."
  value       = azurerm_container_app_environment.this.default_domain
}

output "identity" {
  description = "The control plane's identity: name, resource id and client id. Its name is its user in PostgreSQL."
  value = {
    name      = azurerm_user_assigned_identity.this.name
    id        = azurerm_user_assigned_identity.this.id
    client_id = azurerm_user_assigned_identity.this.client_id
  }
}
