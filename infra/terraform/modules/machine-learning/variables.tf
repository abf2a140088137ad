variable "name" {
  description = "Name of the workspace."
  type        = string

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9]){2,32}$", var.name))
    error_message = "name must be 3 to 33 lower-case letters, digits and single hyphens, starting with a letter."
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

variable "resource_group_name" {
  description = "Resource group that the resources are made in."
  type        = string
}

variable "storage_account_id" {
  description = "Storage account of the workspace, of kind blobs."
  type        = string
}

variable "key_vault_id" {
  description = "Vault of the workspace."
  type        = string
}

variable "container_registry_id" {
  description = "Registry that environments are kept in."
  type        = string
}

variable "application_insights_id" {
  description = "Application Insights that runs report to."
  type        = string
}

variable "allowed_hosts" {
  description = "Hosts outside of Azure that jobs may reach, by names of the rules; everything else is closed."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for host in values(var.allowed_hosts) : can(regex("^(\\*\\.)?[a-z0-9-]+(\\.[a-z0-9-]+)+$", host))])
    error_message = "allowed_hosts must be host names such as pypi.org or *.pythonhosted.org: no scheme, no path, and not everything."
  }
}

variable "private_targets" {
  description = "What else jobs reach over private endpoints of the managed network, by names of the rules: resource id and subresource, such as blob or vault."
  type = map(object({
    id          = string
    subresource = string
  }))
  default = {}
}

variable "private_endpoint_subnet_id" {
  description = "Subnet of the private endpoints."
  type        = string
}

variable "private_dns_zone_ids" {
  description = "Private DNS zones that the private endpoints are entered in."
  type = object({
    machine_learning     = string
    machine_learning_web = string
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
