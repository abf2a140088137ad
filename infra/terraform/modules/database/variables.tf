variable "name" {
  description = "Name of the server, unique in all of Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9]){2,62}$", var.name))
    error_message = "name must be 3 to 63 lower-case letters, digits and single hyphens, starting with a letter."
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

variable "tenant_id" {
  description = "Entra tenant whose identities may sign in."
  type        = string
}

variable "administrators" {
  description = "Entra group that administers the server; it lets identities into the databases."
  type = object({
    name      = string
    object_id = string
  })
}

variable "sku_name" {
  description = "Size: tier and machine, such as GP_Standard_D2ds_v5."
  type        = string
  default     = "GP_Standard_D2ds_v5"

  validation {
    condition     = can(regex("^(B|GP|MO)_Standard_[A-Za-z0-9_]+$", var.sku_name))
    error_message = "sku_name must begin with B_Standard_, GP_Standard_ or MO_Standard_, such as GP_Standard_D2ds_v5."
  }
}

variable "high_availability" {
  description = "Whether a second server in another zone takes over when the first one is lost."
  type        = bool
  default     = true

  validation {
    condition     = !var.high_availability || !startswith(var.sku_name, "B_")
    error_message = "high_availability needs a general purpose or memory optimised size: sku_name begins with B_."
  }
}

variable "backup_retention_days" {
  description = "For how many days the databases can be restored to any moment."
  type        = number
  default     = 35

  validation {
    condition     = var.backup_retention_days >= 7 && var.backup_retention_days <= 35
    error_message = "backup_retention_days must be 7 to 35."
  }
}

variable "databases" {
  description = "Names of the databases."
  type        = set(string)
  default     = ["mlflow", "northstar"]
}

variable "private_endpoint_subnet_id" {
  description = "Subnet of the private endpoints."
  type        = string
}

variable "private_dns_zone_ids" {
  description = "Private DNS zones that the private endpoints are entered in."
  type = object({
    postgresql = string
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
