environment   = "staging"
location      = "westeurope"
address_space = "10.44.0.0/22"
size          = "standard"
image         = "northstar:0.1.0"

subscription_id = "00000000-0000-0000-0000-000000000002"
tenant_id       = "11111111-1111-1111-1111-111111111111"

database_administrators = {
  name      = "northstar-administrators"
  object_id = "22222222-2222-2222-2222-222222222222"
}

alert_emails = { platform = "platform@example.com" }

allowed_hosts = {
  pypi         = "pypi.org"
  python-files = "*.pythonhosted.org"
}

squads = {
  operations = {
    members_group_id    = "33333333-3333-3333-3333-333333333333"
    github_repositories = ["airline/late-arrival"]
    budget              = { amount = 1000, start_date = "2026-01-01T00:00:00Z" }
  }

  revenue = {
    members_group_id = "44444444-4444-4444-4444-444444444444"
    azure_devops_connections = {
      fares = {
        issuer  = "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/v2.0"
        subject = "sc://airline/fares/staging"
      }
    }
    budget = { amount = 1000, start_date = "2026-01-01T00:00:00Z" }
  }
}

endpoints = {
  "operations/late-arrival" = { client_id = "service:late-arrival-staging" }
}

tags = {
  owner       = "platform-team"
  cost_center = "4711"
}
