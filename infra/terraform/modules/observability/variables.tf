variable "name" {
  description = "What is observed, such as northstar-dev; part of every resource's name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 42 lower-case letters, digits and hyphens, starting with a letter."
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

variable "retention_days" {
  description = "For how many days logs are kept."
  type        = number
  default     = 90

  validation {
    condition     = var.retention_days >= 90 && var.retention_days <= 730
    error_message = "retention_days must be 90 to 730: the record of decisions must outlive a quarter."
  }
}

variable "daily_quota_gb" {
  description = "How much may be taken in a day; what comes after it is lost until the next."
  type        = number
  default     = 10

  validation {
    condition     = var.daily_quota_gb > 0
    error_message = "daily_quota_gb must be above 0: a log without limit has a bill without limit."
  }
}

variable "thresholds" {
  description = "From where on the alert rules alert: 95th percentile of latency, share of failed requests, requests that a judgement takes, failures of the control plane in 15 minutes, seconds that a loop is behind, entries that have not been delivered, refusals of one principal in an hour, share of the daily cap."
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

  validation {
    condition     = alltrue([for value in values(var.thresholds) : value > 0])
    error_message = "thresholds must be above 0: at 0 a rule alerts of everything."
  }

  validation {
    condition     = var.thresholds.error_percent < 100 && var.thresholds.daily_cap_percent < 100
    error_message = "thresholds: error_percent and daily_cap_percent must be below 100, or nothing is ever above them."
  }

  validation {
    condition     = var.thresholds.loop_lag_seconds >= 120
    error_message = "thresholds: loop_lag_seconds must be at least 120: metrics come once a minute."
  }
}

variable "alert_emails" {
  description = "Whom alerts are sent to: addresses by names."
  type        = map(string)

  validation {
    condition     = length(var.alert_emails) > 0 && alltrue([for address in values(var.alert_emails) : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "alert_emails must have at least one address: an alert that reaches nobody is none."
  }
}

variable "private_endpoint_subnet_id" {
  description = "Subnet of the private endpoints."
  type        = string
}

variable "private_dns_zone_ids" {
  description = "Private DNS zones that the private endpoints are entered in."
  type = object({
    monitor       = string
    log_query     = string
    log_ingestion = string
    automation    = string
    blob          = string
  })
}

variable "tags" {
  description = "Tags of every resource; owner, environment and cost_center must be among them."
  type        = map(string)

  validation {
    condition     = alltrue([for key in ["owner", "environment", "cost_center"] : try(length(var.tags[key]) > 0, false)])
    error_message = "tags must say owner, environment and cost_center, so that a resource can be asked about and paid for."
  }
}
