resource "azurerm_container_app_environment" "this" {
  name                           = "cae-${var.name}"
  resource_group_name            = var.resource_group_name
  location                       = var.location
  infrastructure_subnet_id       = var.container_apps_subnet_id
  internal_load_balancer_enabled = true
  public_network_access          = "Disabled"
  mutual_tls_enabled             = true
  zone_redundancy_enabled        = var.zone_redundancy_enabled
  logs_destination               = "azure-monitor" # the other one needs the workspace's key, which is off
  tags                           = var.tags

  workload_profile {
    name                  = "Consumption"
    workload_profile_type = "Consumption"
  }

  lifecycle {
    ignore_changes = [infrastructure_resource_group_name] # Azure chooses it
  }
}

# Registered models and what runs logged in one container, which the control plane alone reaches, and
# the captures of each squad in one of its own (module squad).
module "store" {
  source = "../storage"

  name                       = var.store_account_name
  resource_group_name        = var.resource_group_name
  location                   = var.location
  replication                = var.store_replication
  containers                 = [local.store_container]
  deleted_after_days         = { "captures-" = var.capture_days }
  private_endpoint_subnet_id = var.private_endpoint_subnet_id
  private_dns_zone_ids       = var.private_dns_zone_ids
  log_analytics_workspace_id = var.log_analytics_workspace_id
  tags                       = var.tags
}

# state: working files and the checkpoints of the audit, as docs/reference/settings.md lists them.
# work: what jobs work on. It is a share of its own, for what a job writes must not fill the other.
module "state" {
  source = "../storage"

  name                       = var.state_account_name
  resource_group_name        = var.resource_group_name
  location                   = var.location
  kind                       = "nfs"
  shares                     = { state = var.state_gib, work = var.work_gib }
  private_endpoint_subnet_id = var.private_endpoint_subnet_id
  private_dns_zone_ids       = var.private_dns_zone_ids
  log_analytics_workspace_id = var.log_analytics_workspace_id
  tags                       = var.tags
}

resource "azurerm_container_app_environment_storage" "this" {
  for_each = toset(["state", "work"])

  name                         = each.key
  container_app_environment_id = azurerm_container_app_environment.this.id
  nfs_server_url               = module.state.file_host
  share_name                   = "/${module.state.name}/${module.state.share_names[each.key]}"
  access_mode                  = "ReadWrite"
}
