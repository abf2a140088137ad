variable "name" {
  description = "Name of the storage account, unique in all of Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{3,24}$", var.name))
    error_message = "name must be 3 to 24 lower-case letters and digits."
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

variable "kind" {
  description = "What is kept: blobs (models, data, captures), a lake (blobs with folders and their rights), or an nfs share (what several replicas share as a folder)."
  type        = string
  default     = "blobs"

  validation {
    condition     = contains(["blobs", "lake", "nfs"], var.kind)
    error_message = "kind must be blobs, lake or nfs."
  }
}

variable "replication" {
  description = "Where the copies are: LRS (one data centre), ZRS (three zones), GZRS (three zones and another region)."
  type        = string
  default     = "ZRS"

  validation {
    condition     = contains(["LRS", "ZRS", "GZRS"], var.replication)
    error_message = "replication must be LRS, ZRS or GZRS."
  }

  validation {
    condition     = var.kind != "nfs" || var.replication != "GZRS"
    error_message = "replication must be LRS or ZRS for an nfs share: premium storage has no copies in another region."
  }
}

variable "retention_days" {
  description = "For how many days deleted blobs, versions, containers and shares can be brought back; with folders (a lake), overwritten blobs, too."
  type        = number
  default     = 30

  validation {
    condition     = var.retention_days >= 7 && var.retention_days <= 365
    error_message = "retention_days must be 7 to 365."
  }
}

variable "version_days" {
  description = "After how many days replaced and deleted versions of blobs are deleted, counted from when they were written; for retention_days more they can be brought back. Current versions stay."
  type        = number
  default     = 90

  validation {
    condition     = var.version_days >= 7 && var.version_days <= 3650 && floor(var.version_days) == var.version_days
    error_message = "version_days must be a whole number, 7 to 3650."
  }
}

variable "deleted_after_days" {
  description = "Blobs that are deleted by their age, counted from when they were last written: days by what the names of their containers begin with. What is not named stays."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for start in keys(var.deleted_after_days) : can(regex("^[a-z0-9](-?[a-z0-9]){2,61}-?$", start))])
    error_message = "deleted_after_days must name containers, or what their names begin with, such as captures-."
  }

  validation {
    condition     = alltrue([for days in values(var.deleted_after_days) : days >= 7 && days <= 3650 && floor(days) == days])
    error_message = "deleted_after_days must be whole numbers, 7 to 3650."
  }

  validation {
    condition     = var.kind != "nfs" || length(var.deleted_after_days) == 0
    error_message = "deleted_after_days must be empty for an nfs share: such an account has no blobs."
  }
}

variable "containers" {
  description = "Names of the blob containers."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.containers : can(regex("^[a-z0-9](-?[a-z0-9]){2,62}$", name))])
    error_message = "containers must be 3 to 63 lower-case letters, digits and single hyphens."
  }

  validation {
    condition     = var.kind != "nfs" || length(var.containers) == 0
    error_message = "containers must be empty for an nfs share: such an account has no blobs."
  }
}

variable "shares" {
  description = "NFS shares: their sizes in GiB by their names."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for gib in values(var.shares) : gib >= 100 && gib <= 102400])
    error_message = "shares must have 100 to 102400 GiB: premium shares start at 100."
  }

  validation {
    condition     = var.kind == "nfs" || length(var.shares) == 0
    error_message = "shares can only be made where kind is nfs: SMB shares would need the account's keys, which are off."
  }
}

variable "private_endpoint_subnet_id" {
  description = "Subnet of the private endpoints."
  type        = string
}

variable "private_dns_zone_ids" {
  description = "Private DNS zones that the private endpoints are entered in."
  type = object({
    blob = string
    dfs  = string
    file = string
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
