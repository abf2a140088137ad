"""A Terraform provider for the platform's own objects, so that governance is reviewed as code."""
