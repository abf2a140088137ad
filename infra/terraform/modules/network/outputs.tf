output "virtual_network_id" {
  description = "Resource id of the virtual network."
  value       = azurerm_virtual_network.this.id
}

output "subnet_ids" {
  description = "Resource ids of the subnets: private_endpoints, container_apps, pipelines."
  value       = { for key, subnet in azurerm_subnet.this : key => subnet.id }

  # Nothing is put into a subnet that has no rules yet, or no way out.
  depends_on = [
    azurerm_nat_gateway_public_ip_association.this,
    azurerm_subnet_nat_gateway_association.this,
    azurerm_subnet_network_security_group_association.this,
    azurerm_subnet_route_table_association.this,
  ]
}

output "subnet_prefixes" {
  description = "Addresses of the subnets."
  value       = local.prefixes
}

output "private_dns_zone_ids" {
  description = "Resource ids of the private DNS zones by what they are of, such as blob or vault."
  value       = { for key, zone in azurerm_private_dns_zone.this : key => zone.id }
}
