variable "name" {
  description = "Name of the container app; the one for jobs, the environment and the identity are named after it."
  type        = string

  validation {
    condition     = length(var.name) <= 27 && can(regex("^[a-z](-?[a-z0-9]){2,}$", var.name))
    error_message = "name must be 3 to 27 lower-case letters, digits and single hyphens, starting with a letter."
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

variable "image" {
  description = "Image that the repository's Dockerfile makes, with a tag or a digest that does not move. Without one everything is made but the servers: it has to be in the registry first."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || try(can(regex("(@sha256:[0-9a-f]{64}|:[A-Za-z0-9._-]+)$", var.image)) && !endswith(var.image, ":latest"), false)
    error_message = "image must have a tag or a digest that does not move, such as northstar:1.2.0; latest is another image tomorrow."
  }
}

variable "replicas" {
  description = "How many replicas there are at least and at most."
  type = object({
    min = optional(number, 2)
    max = optional(number, 4)
  })
  default = {}

  validation {
    condition     = var.replicas.min >= 1 && var.replicas.max >= var.replicas.min
    error_message = "replicas must be 1 at least, and max not below min: the background loops need somebody to run them."
  }
}

variable "size" {
  description = "CPU cores and memory of a replica, in the pairs that Container Apps offers."
  type = object({
    cpu    = optional(number, 1)
    memory = optional(string, "2Gi")
  })
  default = {}

  validation {
    condition     = "${var.size.cpu * 2}Gi" == var.size.memory
    error_message = "size must have 2Gi of memory for each core, such as cpu 1 and memory 2Gi."
  }
}

variable "jobs_size" {
  description = "CPU cores and memory of the replica that runs jobs, in the pairs that Container Apps offers; a training has to fit in."
  type = object({
    cpu    = optional(number, 2)
    memory = optional(string, "4Gi")
  })
  default = {}

  validation {
    condition     = "${var.jobs_size.cpu * 2}Gi" == var.jobs_size.memory && var.jobs_size.cpu <= 4
    error_message = "jobs_size must have 2Gi of memory for each core, and 4 cores at most; larger trainings belong on Azure ML."
  }
}

variable "zone_redundancy_enabled" {
  description = "Whether replicas are spread over zones."
  type        = bool
  default     = true
}

variable "settings" {
  description = "Further settings, NORTHSTAR_…; what is secret is a reference to the vault, keyvault:https://…"
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.settings) : startswith(name, "NORTHSTAR_")])
    error_message = "settings must have names that begin with NORTHSTAR_; docs/reference/settings.md lists them."
  }

  validation {
    condition = length(setintersection(keys(var.settings), [
      "NORTHSTAR_APP_CONFIGURATION", "NORTHSTAR_APP_CONFIGURATION_LABEL", "NORTHSTAR_AZURE_MONITOR",
      "NORTHSTAR_CAPTURES", "NORTHSTAR_DATABASE_IDENTITY", "NORTHSTAR_DATABASE_URL", "NORTHSTAR_ELSEWHERE",
      "NORTHSTAR_ENCRYPTION_KEY", "NORTHSTAR_JOBS", "NORTHSTAR_JOB_UIDS", "NORTHSTAR_MLFLOW_ARTIFACTS",
      "NORTHSTAR_MLFLOW_DATABASE_URL", "NORTHSTAR_MODELS", "NORTHSTAR_STATE", "NORTHSTAR_STORE",
      "NORTHSTAR_TRUSTED_PROXIES", "NORTHSTAR_WORK",
    ])) == 0
    error_message = "settings must not say what this module sets: places, databases, keys, users of jobs, proxies that are believed."
  }

  validation {
    condition     = alltrue([for name, value in var.settings : startswith(value, "keyvault:") if can(regex("(SECRET|KEY|TOKEN|PASSWORD)$", name))])
    error_message = "settings must name secrets by where they are, keyvault:https://VAULT.vault.azure.net/secrets/NAME: what stands here stands in the state."
  }
}

variable "state_gib" {
  description = "Size of the folder that replicas share, in GiB: working files and the audit's checkpoints."
  type        = number
  default     = 100
}

variable "work_gib" {
  description = "Size of the folder that jobs work in, in GiB."
  type        = number
  default     = 100
}

variable "state_account_name" {
  description = "Name of the storage account of the shared folders, unique in all of Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{3,24}$", var.state_account_name))
    error_message = "state_account_name must be 3 to 24 lower-case letters and digits."
  }
}

variable "store_account_name" {
  description = "Name of the storage account of models, artifacts and captures, unique in all of Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{3,24}$", var.store_account_name))
    error_message = "store_account_name must be 3 to 24 lower-case letters and digits."
  }
}

variable "store_replication" {
  description = "Where the copies of that account are: LRS, ZRS or GZRS."
  type        = string
  default     = "ZRS"
}

variable "capture_days" {
  description = "For how many days captures are kept, and the labels among them. The monitor reads them within a week; who trains with them needs them until their labels have come. Models and artifacts stay."
  type        = number
  default     = 400

  validation {
    condition     = var.capture_days >= 7 && var.capture_days <= 3650 && floor(var.capture_days) == var.capture_days
    error_message = "capture_days must be a whole number, 7 to 3650: the monitor reads what was late a week later."
  }
}

variable "database_host" {
  description = "Host of the PostgreSQL server."
  type        = string
}

variable "key_vault_id" {
  description = "Vault of the platform's secrets."
  type        = string
}

variable "key_vault_uri" {
  description = "Address of that vault."
  type        = string
}

variable "container_registry_id" {
  description = "Registry that the image is pulled from."
  type        = string
}

variable "container_registry_login_server" {
  description = "Host of that registry."
  type        = string
}

variable "app_configuration_id" {
  description = "Store of settings and feature flags."
  type        = string
}

variable "app_configuration_endpoint" {
  description = "Address of that store: settings are read there that are not set here."
  type        = string
}

variable "application_insights_id" {
  description = "Application Insights that telemetry goes to."
  type        = string
}

variable "application_insights_connection_string" {
  description = "Where telemetry is sent to."
  type        = string
  sensitive   = true
}

variable "container_apps_subnet_id" {
  description = "Subnet of the Container Apps environment, delegated to it."
  type        = string
}

variable "container_apps_prefix" {
  description = "Addresses of that subnet: the ingress in it is believed when it says who asks."
  type        = string
}

variable "private_endpoint_subnet_id" {
  description = "Subnet of the private endpoints."
  type        = string
}

variable "private_dns_zone_ids" {
  description = "Private DNS zones that the private endpoints are entered in."
  type = object({
    blob           = string
    container_apps = string
    dfs            = string
    file           = string
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
