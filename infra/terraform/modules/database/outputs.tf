output "id" {
  description = "Resource id of the server."
  value       = azurerm_postgresql_flexible_server.this.id
}

output "host" {
  description = "Host of the server."
  value       = azurerm_postgresql_flexible_server.this.fqdn
}
