# Where the state is comes from platform.yaml (`northstar env`). The state is locked by a lease on its
# blob, and read and written as who applies, without a key.
terraform {
  backend "azurerm" {
    use_azuread_auth = true
  }
}
