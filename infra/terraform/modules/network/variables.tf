variable "name" {
  description = "What the network is of, such as northstar-dev; part of every resource's name."
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

variable "address_space" {
  description = "Address space of the virtual network, at least a /22; it is cut into subnets."
  type        = string

  validation {
    condition     = try(tonumber(split("/", var.address_space)[1]) <= 22 && cidrhost(var.address_space, 0) == split("/", var.address_space)[0], false)
    error_message = "address_space must be the first address of a network and a prefix of 22 or less, such as 10.40.0.0/22."
  }

  validation {
    condition     = !startswith(var.address_space, "172.17.")
    error_message = "address_space must not be in 172.17.0.0/16: Docker's bridge in Azure ML's compute has these addresses."
  }
}

variable "people_from" {
  description = "Private addresses that people come from (VPN, ExpressRoute, the company's offices): they reach the private endpoints over HTTPS, and so pages, workspaces and vaults."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.people_from : can(cidrhost(one, 0)) && can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.).*/([89]|[12][0-9]|3[0-2])$", one))])
    error_message = "people_from must be private addresses, such as 10.8.0.0/16: nobody comes in from the Internet."
  }
}

variable "egress" {
  description = "How container apps and pipelines leave the network, as far as the rules let them: nat (an address of its own), the private address of a firewall, or none (the hub's gateway announces a way)."
  type        = string
  default     = "nat"

  validation {
    condition     = contains(["nat", "none"], var.egress) || can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", var.egress)) && can(cidrhost("${var.egress}/32", 0))
    error_message = "egress must be nat, none, or the private address of a firewall, such as 10.0.0.4."
  }
}

variable "hub_id" {
  description = "Resource id of the company's network (the hub) that this one is peered with."
  type        = string
  default     = null
}

variable "hub_gateway" {
  description = "Whether people come through the hub's VPN or ExpressRoute gateway."
  type        = bool
  default     = false

  validation {
    condition     = !var.hub_gateway || var.hub_id != null
    error_message = "hub_gateway needs hub_id: without a hub there is no gateway."
  }
}

variable "pipelines_may_reach" {
  description = "Services of Azure (service tags) and private addresses that pipeline agents in the network may reach over HTTPS, besides Entra ID and the private endpoints. Internet only behind a firewall, which then says what."
  type        = set(string)
  default     = ["AzureDevOps", "AzureResourceManager"]

  validation {
    condition = alltrue([
      for one in var.pipelines_may_reach :
      contains(["AzureActiveDirectory", "AzureContainerRegistry", "AzureDevOps", "AzureFrontDoor.FirstParty", "AzureMonitor", "AzureResourceManager", "MicrosoftContainerRegistry", "Internet"], one)
      || can(cidrhost(one, 0)) && can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.).*/([89]|[12][0-9]|3[0-2])$", one))
    ])
    error_message = "pipelines_may_reach must be AzureActiveDirectory, AzureContainerRegistry, AzureDevOps, AzureFrontDoor.FirstParty, AzureMonitor, AzureResourceManager, MicrosoftContainerRegistry, private addresses such as 10.0.0.0/24, or, behind a firewall, Internet."
  }

  validation {
    condition     = !contains(var.pipelines_may_reach, "Internet") || !contains(["nat", "none"], var.egress)
    error_message = "pipelines_may_reach must name services: pipelines with the whole Internet open can send data anywhere, unless egress is a firewall that says where."
  }
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
