variable "name" {
  description = "Name of the container app."
  type        = string

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9]){1,31}$", var.name))
    error_message = "name must be 2 to 32 lower-case letters, digits and single hyphens, starting with a letter."
  }
}

variable "resource_group_name" {
  description = "Resource group that the resources are made in."
  type        = string
}

variable "endpoint" {
  description = "Which endpoint is served, SQUAD/PROJECT/ENVIRONMENT."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*/[a-z][a-z0-9-]*/(dev|staging|prod)$", var.endpoint))
    error_message = "endpoint must be SQUAD/PROJECT/ENVIRONMENT, such as operations/late-arrival/dev."
  }
}

variable "image" {
  description = "Image that the repository's Dockerfile makes, with a tag or a digest that does not move."
  type        = string

  validation {
    condition     = can(regex("(@sha256:[0-9a-f]{64}|:[A-Za-z0-9._-]+)$", var.image)) && !endswith(var.image, ":latest")
    error_message = "image must have a tag or a digest that does not move, such as northstar:1.2.0; latest is another image tomorrow."
  }
}

variable "replicas" {
  description = "How many replicas there are at least and at most, and how many requests at a time one is given."
  type = object({
    min                 = optional(number, 2)
    max                 = optional(number, 10)
    concurrent_requests = optional(number, 50)
  })
  default = {}

  validation {
    condition     = var.replicas.min >= 1 && var.replicas.max >= var.replicas.min
    error_message = "replicas must be 1 at least, and max not below min: the first caller must not wait for a start."
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
    condition     = "${var.size.cpu * 2}Gi" == var.size.memory && var.size.cpu % 0.25 == 0 && var.size.cpu <= 4
    error_message = "size must have 4 cores at most, by quarters, and 2Gi of memory for each, such as cpu 1 and memory 2Gi."
  }
}

variable "container_app_environment_id" {
  description = "Environment that the endpoint runs in."
  type        = string
}

variable "container_app_environment_domain" {
  description = "Domain of that environment: callers reach the endpoint at NAME.DOMAIN."
  type        = string
}

variable "captures" {
  description = "Where captures are shipped: the squad's container for them, abfs://CONTAINER@ACCOUNT.dfs.core.windows.net."
  type        = string

  validation {
    condition     = startswith(var.captures, "abfs://")
    error_message = "captures must be the address of a container, abfs://CONTAINER@ACCOUNT.dfs.core.windows.net: what is on a replica's disk ends with the replica."
  }
}

variable "identity_id" {
  description = "Identity of the endpoint: the squad's, for serving."
  type        = string
}

variable "identity_client_id" {
  description = "Client id of that identity."
  type        = string
}

variable "container_registry_login_server" {
  description = "Host of the registry that the image is pulled from."
  type        = string
}

variable "control_plane_url" {
  description = "Address of the control plane."
  type        = string
}

variable "northstar_client_id" {
  description = "Service principal that the endpoint is to the control plane; it trusts the identity's tokens."
  type        = string
}

variable "token_resource" {
  description = "For what Azure gives the identity's token by which the control plane knows the endpoint: Azure's token exchange, or api://APPLICATION-ID where an application is registered for the control plane."
  type        = string
  default     = "api://AzureADTokenExchange"

  validation {
    condition     = startswith(var.token_resource, "api://")
    error_message = "token_resource must be the address of an application, such as api://AzureADTokenExchange."
  }
}

variable "application_insights_connection_string" {
  description = "Where telemetry is sent to; the identity needs the role Monitoring Metrics Publisher there."
  type        = string
  sensitive   = true
}

variable "tags" {
  description = "Tags of every resource; owner, environment and cost_center must be among them."
  type        = map(string)

  validation {
    condition     = alltrue([for key in ["owner", "environment", "cost_center"] : try(length(var.tags[key]) > 0, false)])
    error_message = "tags must say owner, environment and cost_center, so that a resource can be asked about and paid for."
  }
}
