variable "name" {
  description = "Name of the cluster in its workspace."
  type        = string

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9]){1,31}$", var.name))
    error_message = "name must be 2 to 32 lower-case letters, digits and single hyphens, starting with a letter."
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

variable "machine_learning_workspace_id" {
  description = "Workspace that the cluster belongs to."
  type        = string
}

variable "identity_id" {
  description = "User-assigned identity that what runs on the cluster has."
  type        = string
}

variable "vm_size" {
  description = "Size of a node, such as Standard_D4ds_v5."
  type        = string
  default     = "Standard_D4ds_v5"

  validation {
    condition     = can(regex("^Standard_[A-Za-z0-9_]+$", var.vm_size))
    error_message = "vm_size must be a size of Azure's, such as Standard_D4ds_v5."
  }
}

variable "max_nodes" {
  description = "How many nodes run at most; without work there is none."
  type        = number
  default     = 4

  validation {
    condition     = var.max_nodes >= 1 && var.max_nodes <= 100
    error_message = "max_nodes must be 1 to 100."
  }
}

variable "tags" {
  description = "Tags of every resource; owner, environment and cost_center must be among them."
  type        = map(string)

  validation {
    condition     = alltrue([for key in ["owner", "environment", "cost_center"] : try(length(var.tags[key]) > 0, false)])
    error_message = "tags must say owner, environment and cost_center, so that a resource can be asked about and paid for."
  }
}
