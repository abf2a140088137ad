resource "azurerm_user_assigned_identity" "this" {
  for_each = toset(["training", "serving", "ci"])

  name                = "id-${var.name}-${each.key}-${var.environment}"
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  tags                = local.tags
}

resource "azurerm_federated_identity_credential" "github" {
  for_each = var.github_repositories

  name                      = "github-${replace(each.value, "/[^A-Za-z0-9-]/", "-")}"
  user_assigned_identity_id = azurerm_user_assigned_identity.this["ci"].id
  audience                  = ["api://AzureADTokenExchange"]
  issuer                    = "https://token.actions.githubusercontent.com"
  subject                   = "repo:${each.value}:environment:${var.environment}"
}

resource "azurerm_federated_identity_credential" "azure_devops" {
  for_each = var.azure_devops_connections

  name                      = "azure-devops-${each.key}"
  user_assigned_identity_id = azurerm_user_assigned_identity.this["ci"].id
  audience                  = ["api://AzureADTokenExchange"]
  issuer                    = "https://login.microsoftonline.com/${var.tenant_id}/v2.0"
  subject                   = each.value
}
