output "id" {
  description = "Resource id of the registry."
  value       = azurerm_container_registry.this.id
}

output "login_server" {
  description = "Host of the registry, the first part of an image's name."
  value       = azurerm_container_registry.this.login_server
}
