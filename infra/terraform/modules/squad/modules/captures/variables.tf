variable "squad" {
  description = "Name of the squad whose captures these are."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.squad)) && length(var.squad) <= 54
    error_message = "squad must be at most 54 lower-case letters, digits and single hyphens: the container is captures-SQUAD."
  }
}

variable "storage_account_id" {
  description = "Account of the platform's store."
  type        = string
}

variable "serving_principal_id" {
  description = "Principal id of the identity of the squad's endpoints, which write here."
  type        = string
}
