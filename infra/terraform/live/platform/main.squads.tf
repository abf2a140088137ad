module "squad" {
  source   = "../../modules/squad"
  for_each = var.squads

  name            = each.key
  platform        = var.platform
  environment     = var.environment
  location        = var.location
  subscription_id = var.subscription_id
  tenant_id       = var.tenant_id

  members_group_id         = each.value.members_group_id
  github_repositories      = each.value.github_repositories
  azure_devops_connections = each.value.azure_devops_connections
  compute                  = each.value.compute
  allowed_hosts            = each.value.allowed_hosts
  monthly_budget           = each.value.monthly_budget

  action_group_id            = module.observability.action_group_id
  storage_account_id         = module.models.id
  store_account_id           = module.control_plane.store_account_id
  container_registry_id      = module.container_registry.id
  app_configuration_id       = module.app_configuration.id
  application_insights_id    = module.observability.application_insights_id
  private_link_scope         = module.observability.private_link_scope
  private_endpoint_subnet_id = module.network.subnet_ids.private_endpoints
  private_dns_zone_ids       = module.network.private_dns_zone_ids
  log_analytics_workspace_id = module.observability.log_analytics_workspace_id
  tags                       = local.tags
}

module "endpoint" {
  source   = "../../modules/endpoint"
  for_each = { for name, endpoint in var.endpoints : name => endpoint if var.image != null }

  # Two names that a hyphen joins could be one name of two others.
  name                = "${trimsuffix(substr(split("/", each.key)[1], 0, 24), "-")}-${substr(sha256(each.key), 0, 6)}"
  resource_group_name = module.squad[split("/", each.key)[0]].resource_group_name
  endpoint            = "${each.key}/${var.environment}"
  image               = var.image
  replicas            = each.value.replicas
  size                = each.value.size

  container_app_environment_id     = module.control_plane.container_app_environment_id
  container_app_environment_domain = module.control_plane.container_app_environment_domain
  captures                         = module.squad[split("/", each.key)[0]].captures
  identity_id                      = module.squad[split("/", each.key)[0]].serving_identity_id
  identity_client_id               = module.squad[split("/", each.key)[0]].identities["serving"].client_id
  container_registry_login_server  = module.container_registry.login_server
  control_plane_url                = module.control_plane.url
  northstar_client_id              = each.value.client_id
  token_resource                   = var.token_resource

  application_insights_connection_string = module.observability.application_insights_connection_string

  tags = merge(local.tags, { squad = split("/", each.key)[0] })
}
