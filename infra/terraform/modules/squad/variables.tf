variable "name" {
  description = "Name of the squad, as Northstar knows it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) >= 3 && length(var.name) <= 54
    error_message = "name must be 3 to 54 lower-case letters, digits and single hyphens, starting with a letter."
  }
}

variable "platform" {
  description = "Short name of the platform, part of every resource's name."
  type        = string
}

variable "environment" {
  description = "Stage that this is of."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment must be dev, staging or prod."
  }
}

variable "location" {
  description = "Azure region, one of those in which the company keeps data."
  type        = string

  validation {
    condition     = contains(["francecentral", "germanywestcentral", "northeurope", "swedencentral", "westeurope"], var.location)
    error_message = "location must be francecentral, germanywestcentral, northeurope, swedencentral or westeurope: data stays in these regions."
  }
}

variable "subscription_id" {
  description = "Subscription that the squad's costs arise in."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.subscription_id))
    error_message = "subscription_id must be a GUID in lower case."
  }
}

variable "tenant_id" {
  description = "Entra tenant of the squad's identities."
  type        = string
}

variable "members_group_id" {
  description = "Object id of the Entra group of the squad's people."
  type        = string
}

variable "github_repositories" {
  description = "Repositories, ORGANISATION/NAME, whose workflows may act as the squad's CI in the GitHub environment of the stage's name."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for repository in var.github_repositories : can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", repository))])
    error_message = "github_repositories must be written ORGANISATION/NAME, each one by itself: a pattern would let in repositories that somebody has yet to make."
  }
}

variable "azure_devops_connections" {
  description = "Service connections of Azure DevOps that may act as the squad's CI: the subjects that they show, by names. Their issuer is the tenant's, https://login.microsoftonline.com/TENANT/v2.0."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for subject in values(var.azure_devops_connections) : can(regex("^/eid1/c/pub/t/[A-Za-z0-9_-]{22}/a/rISbSSETf0KqFyZ8ppdXmA/sc/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", subject))])
    error_message = "azure_devops_connections must be subjects of connections with the issuer of Entra ID, /eid1/c/pub/t/…/a/…/sc/…/…: convert a connection that shows sc://… and vstoken.dev.azure.com."
  }
}

variable "compute" {
  description = "The squad's training cluster: size of a node, and how many there are at most."
  type = object({
    vm_size   = optional(string, "Standard_D4ds_v5")
    max_nodes = optional(number, 4)
  })
  default = {}
}

variable "monthly_budget" {
  description = "What the squad may spend in a month, in the subscription's currency; counted from the month in which the budget is made."
  type        = number

  validation {
    condition     = var.monthly_budget > 0
    error_message = "monthly_budget must be above 0."
  }
}

variable "action_group_id" {
  description = "Action group that hears of the budget."
  type        = string
}

variable "storage_account_id" {
  description = "Storage account that the squad's container is made in."
  type        = string
}

variable "store_account_id" {
  description = "Storage account of the platform's store, in which the container of the squad's captures is made."
  type        = string
}

variable "allowed_hosts" {
  description = "Hosts outside of Azure that jobs may reach, by names of the rules; everything else is closed."
  type        = map(string)
  default     = {}
}

variable "container_registry_id" {
  description = "The platform's registry, which the image of endpoints is pulled from."
  type        = string
}

variable "app_configuration_id" {
  description = "Store of the feature flags."
  type        = string
}

variable "application_insights_id" {
  description = "The platform's Application Insights, which endpoints' telemetry goes to."
  type        = string
}

variable "private_link_scope" {
  description = "Azure Monitor Private Link Scope that the workspace's Application Insights joins."
  type = object({
    name                = string
    resource_group_name = string
  })
}

variable "private_endpoint_subnet_id" {
  description = "Subnet of the private endpoints."
  type        = string
}

variable "private_dns_zone_ids" {
  description = "Private DNS zones that the private endpoints are entered in."
  type = object({
    blob                 = string
    container_registry   = string
    dfs                  = string
    file                 = string
    machine_learning     = string
    machine_learning_web = string
    vault                = string
  })
}

variable "log_analytics_workspace_id" {
  description = "Log Analytics workspace that diagnostic logs and metrics go to."
  type        = string
}

variable "tags" {
  description = "Tags of every resource; owner, environment and cost_center must be among them."
  type        = map(string)

  validation {
    condition     = alltrue([for key in ["owner", "environment", "cost_center"] : try(length(var.tags[key]) > 0, false)])
    error_message = "tags must say owner, environment and cost_center, so that a resource can be asked about and paid for."
  }
}
