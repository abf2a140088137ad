locals {
  name = "${var.platform}-${var.environment}"
  tags = merge(var.tags, { environment = var.environment, platform = var.platform })

  # What must be unique in all of Azure ends with this.
  digest  = substr(sha256("${var.subscription_id}/${local.name}"), 0, 4)
  compact = "${var.platform}${ { dev = "dev", staging = "stg", prod = "prd" }[var.environment]}${local.digest}"

  redundant = var.size == "standard"
}

resource "azurerm_resource_group" "this" {
  for_each = toset(["network", "observability", "control-plane", "models"])

  name     = "rg-${local.name}-${each.key}"
  location = var.location
  tags     = local.tags
}

module "network" {
  source = "../../modules/network"

  name                       = local.name
  resource_group_name        = azurerm_resource_group.this["network"].name
  location                   = var.location
  address_space              = var.address_space
  people_from                = var.network.people_from
  egress                     = var.network.egress
  pipelines_may_reach        = var.network.pipelines_may_reach
  hub_id                     = var.network.hub_id
  hub_gateway                = var.network.hub_gateway
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "observability" {
  source = "../../modules/observability"

  name                       = local.name
  resource_group_name        = azurerm_resource_group.this["observability"].name
  location                   = var.location
  alert_emails               = var.alert_emails
  thresholds                 = var.alert_thresholds
  daily_quota_gb             = var.logs.daily_gb
  retention_days             = var.logs.days
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  tags                       = local.tags
}
