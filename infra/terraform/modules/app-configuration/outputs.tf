output "id" {
  description = "Resource id of the store."
  value       = azurerm_app_configuration.this.id
}

output "endpoint" {
  description = "Address of the store."
  value       = azurerm_app_configuration.this.endpoint
}
