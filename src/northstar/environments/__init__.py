"""Environments: what Terraform plans to make of them, and whether that is allowed."""
