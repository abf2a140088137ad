output "id" {
  description = "Resource id of the container app."
  value       = azurerm_container_app.this.id
}

output "url" {
  description = "Address of the endpoint inside of the network."
  value       = "https://${azurerm_container_app.this.ingress[0].fqdn}"
}
