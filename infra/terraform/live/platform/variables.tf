variable "platform" {
  description = "Short name of the platform, part of every resource's name."
  type        = string
  default     = "northstar"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{2,9}$", var.platform))
    error_message = "platform must be 3 to 10 lower-case letters and digits, starting with a letter."
  }
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
  description = "Subscription of this stage."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.subscription_id))
    error_message = "subscription_id must be a GUID in lower case."
  }
}

variable "tenant_id" {
  description = "Entra tenant of the platform's identities and people."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.tenant_id))
    error_message = "tenant_id must be a GUID in lower case."
  }
}

variable "address_space" {
  description = "Address space of the stage's network, a /22; stages that are to be connected need different ones."
  type        = string
}

variable "network" {
  description = "The ways into the stage's network and out of it, as the module network takes them."
  type = object({
    people_from         = optional(set(string), [])
    egress              = optional(string, "nat")
    pipelines_may_reach = optional(set(string), ["AzureDevOps", "AzureResourceManager"])
    hub_id              = optional(string)
    hub_gateway         = optional(bool, false)
  })
  default = {}
}

variable "size" {
  description = "How big the shared parts are: small (one zone, burstable database) or standard (three zones, a second database server)."
  type        = string
  default     = "standard"

  validation {
    condition     = contains(["small", "standard"], var.size)
    error_message = "size must be small or standard."
  }

  validation {
    condition     = var.environment != "prod" || var.size != "small"
    error_message = "size must be standard in prod: a small stage does not outlive the loss of a zone."
  }
}

variable "image" {
  description = "Image with Northstar in it, in the stage's registry: NAME:TAG or NAME@DIGEST. Without one, neither servers nor endpoints are made: for the first apply, which makes the registry."
  type        = string
  default     = null
}

variable "settings" {
  description = "Further settings of the control plane, NORTHSTAR_…"
  type        = map(string)
  default     = {}
}

variable "database_administrators" {
  description = "Entra group that administers the database server."
  type = object({
    name      = string
    object_id = string
  })
}

variable "alert_emails" {
  description = "Whom alerts are sent to: addresses by names."
  type        = map(string)
}

variable "feature_flags" {
  description = "Flags that are to be there, by their names."
  type = map(object({
    description = string
    enabled     = optional(bool, false)
    label       = optional(string)
  }))
  default = {}
}

variable "squads" {
  description = "The squads, by their names."
  type = map(object({
    members_group_id         = string
    github_repositories      = optional(set(string), [])
    azure_devops_connections = optional(map(string), {})
    allowed_hosts            = optional(map(string), {})
    compute = optional(object({
      vm_size   = optional(string, "Standard_D4ds_v5")
      max_nodes = optional(number, 4)
    }), {})
    monthly_budget = number
  }))
  default = {}
}

variable "endpoints" {
  description = "The endpoints, by SQUAD/PROJECT: the service principal that each one is to the control plane, which trusts the identity of the squad's serving."
  type = map(object({
    client_id = string
    replicas = optional(object({
      min                 = optional(number, 2)
      max                 = optional(number, 10)
      concurrent_requests = optional(number, 50)
    }), {})
    size = optional(object({
      cpu    = optional(number, 1)
      memory = optional(string, "2Gi")
    }), {})
  }))
  default = {}

  validation {
    condition     = alltrue([for name in keys(var.endpoints) : contains(keys(var.squads), split("/", name)[0]) && length(split("/", name)) == 2])
    error_message = "endpoints must be named SQUAD/PROJECT, and the squad must be one of squads."
  }
}

variable "token_resource" {
  description = "For what Azure gives the tokens by which the control plane knows the endpoints."
  type        = string
  default     = "api://AzureADTokenExchange"
}

variable "logs" {
  description = "How much the log store takes in a day, and for how many days it keeps it."
  type = object({
    daily_gb = optional(number, 10)
    days     = optional(number, 90)
  })
  default = {}
}

variable "capture_days" {
  description = "For how many days captures are kept, and the labels among them. The monitor reads them within a week; who trains with them needs them until their labels have come. Models and artifacts stay."
  type        = number
  default     = 400
}

variable "alert_thresholds" {
  description = "From where on the alert rules alert, as the module observability takes them."
  type = object({
    latency_ms           = optional(number, 250)
    error_percent        = optional(number, 1)
    minimum_requests     = optional(number, 100)
    control_plane_errors = optional(number, 5)
    loop_lag_seconds     = optional(number, 600)
    backlog              = optional(number, 100)
    refusals             = optional(number, 20)
    daily_cap_percent    = optional(number, 80)
  })
  default = {}
}

variable "tags" {
  description = "Tags of every resource; owner and cost_center must be among them, environment is added."
  type        = map(string)

  validation {
    condition     = alltrue([for key in ["owner", "cost_center"] : try(length(var.tags[key]) > 0, false)])
    error_message = "tags must say owner and cost_center, so that a resource can be asked about and paid for."
  }
}
