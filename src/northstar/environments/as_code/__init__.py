"""Environments from one file: rendered for Terraform, planned, applied, held against, destroyed."""
