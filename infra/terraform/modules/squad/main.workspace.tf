# The squad trains in a workspace of its own: who submits jobs to a workspace has the identities of
# all of its clusters, and reads the code and the outputs of all of its jobs.
module "machine_learning" {
  source = "../machine-learning"

  name                       = "mlw-${local.short}-${var.environment}"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = var.location
  storage_account_id         = module.workspace_storage.id
  key_vault_id               = module.vault.id
  container_registry_id      = module.registry.id
  application_insights_id    = azurerm_application_insights.workspace.id
  private_targets            = { models = { id = var.storage_account_id, subresource = "blob" } }
  allowed_hosts              = var.allowed_hosts
  private_endpoint_subnet_id = var.private_endpoint_subnet_id
  private_dns_zone_ids       = var.private_dns_zone_ids
  log_analytics_workspace_id = var.log_analytics_workspace_id
  tags                       = local.tags
}

module "compute" {
  source = "../machine-learning/modules/compute"

  name                          = "training"
  location                      = var.location
  machine_learning_workspace_id = module.machine_learning.id
  identity_id                   = azurerm_user_assigned_identity.this["training"].id
  vm_size                       = var.compute.vm_size
  max_nodes                     = var.compute.max_nodes
  tags                          = local.tags
}

# What the workspace keeps: code, logs and outputs of jobs, and notebooks.
module "workspace_storage" {
  source = "../storage"

  name                       = "st${local.compact}ws"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = var.location
  private_endpoint_subnet_id = var.private_endpoint_subnet_id
  private_dns_zone_ids       = var.private_dns_zone_ids
  log_analytics_workspace_id = var.log_analytics_workspace_id
  tags                       = local.tags
}

# The images that jobs run in; a cluster of the workspace builds them, and may push any.
module "registry" {
  source = "../container-registry"

  name                       = "cr${local.compact}"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = var.location
  private_endpoint_subnet_id = var.private_endpoint_subnet_id
  private_dns_zone_ids       = var.private_dns_zone_ids
  log_analytics_workspace_id = var.log_analytics_workspace_id
  tags                       = local.tags
}

# What Azure ML tells of jobs. Jobs tell nothing of themselves to the platform's: the managed network
# makes no private way to Azure Monitor.
resource "azurerm_application_insights" "workspace" {
  name                         = "appi-${local.short}-${var.environment}"
  resource_group_name          = azurerm_resource_group.this.name
  location                     = var.location
  workspace_id                 = var.log_analytics_workspace_id
  application_type             = "web"
  internet_ingestion_enabled   = false
  internet_query_enabled       = false
  local_authentication_enabled = false
  tags                         = local.tags
}

resource "azurerm_monitor_private_link_scoped_service" "insights" {
  name                = "insights-${local.short}"
  resource_group_name = var.private_link_scope.resource_group_name
  scope_name          = var.private_link_scope.name
  linked_resource_id  = azurerm_application_insights.workspace.id
}
