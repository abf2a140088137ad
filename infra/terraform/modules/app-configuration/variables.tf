variable "name" {
  description = "Name of the store, unique in all of Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9](-?[a-z0-9]){4,49}$", var.name))
    error_message = "name must be 5 to 50 lower-case letters, digits and single hyphens."
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

variable "feature_flags" {
  description = "Flags that are to be there, by their names. What they are set to later is the business of whoever rolls out: it is not put back."
  type = map(object({
    description = string
    enabled     = optional(bool, false)
    label       = optional(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for name, flag in var.feature_flags : can(regex("^[A-Za-z0-9._-]+$", name)) && length(flag.description) > 0])
    error_message = "feature_flags must have names of letters, digits, dots, hyphens and underscores, and say what they are for."
  }
}

variable "private_endpoint_subnet_id" {
  description = "Subnet of the private endpoints."
  type        = string
}

variable "private_dns_zone_ids" {
  description = "Private DNS zones that the private endpoints are entered in."
  type = object({
    app_configuration = string
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
