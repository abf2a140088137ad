# What squads train with and what comes out, a container for each; their workspaces are their own.
module "models" {
  source = "../../modules/storage"

  name                       = "st${local.compact}md"
  resource_group_name        = azurerm_resource_group.this["models"].name
  location                   = var.location
  replication                = local.redundant ? "GZRS" : "ZRS"
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}
