locals {
  port = 8080
}

resource "azurerm_container_app" "this" {
  name                         = var.name
  resource_group_name          = var.resource_group_name
  container_app_environment_id = var.container_app_environment_id
  revision_mode                = "Single" # which version gets how many requests is Northstar's business
  workload_profile_name        = "Consumption"
  tags                         = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [var.identity_id]
  }

  registry {
    server   = var.container_registry_login_server
    identity = var.identity_id
  }

  ingress {
    external_enabled           = true # outside of the environment, which is inside of the network
    target_port                = local.port
    transport                  = "http"
    allow_insecure_connections = false

    traffic_weight {
      latest_revision = true
      percentage      = 100
    }
  }

  template {
    min_replicas                     = var.replicas.min
    max_replicas                     = var.replicas.max
    termination_grace_period_seconds = 60

    volume {
      name         = "state"
      storage_type = "EmptyDir"
    }

    container {
      name   = "northstar"
      image  = "${var.container_registry_login_server}/${var.image}"
      cpu    = var.size.cpu
      memory = var.size.memory
      # The image starts as root, for the control plane's sake; an endpoint needs none of it.
      command = [
        "setpriv", "--reuid=northstar", "--regid=northstar", "--clear-groups", "--no-new-privs",
        "northstar", "serve", var.endpoint,
        "--host", "0.0.0.0", "--port", tostring(local.port),
        "--state-dir", "/srv/state",
      ]

      env {
        name  = "NORTHSTAR_URL"
        value = var.control_plane_url
      }

      # What it listens on is not what callers reach.
      env {
        name  = "NORTHSTAR_ENDPOINT_URL"
        value = "https://${var.name}.${var.container_app_environment_domain}"
      }

      # No secret: the control plane takes the identity's token for that of this service.
      env {
        name  = "NORTHSTAR_CLIENT_ID"
        value = var.northstar_client_id
      }

      env {
        name  = "NORTHSTAR_FEDERATED_TOKEN_RESOURCE"
        value = var.token_resource
      }

      # They wait in the state folder until they are shipped, as the identity that has the role there.
      env {
        name  = "NORTHSTAR_CAPTURES"
        value = var.captures
      }

      env {
        name  = "AZURE_CLIENT_ID"
        value = var.identity_client_id
      }

      env {
        name  = "AZURE_TOKEN_CREDENTIALS"
        value = "ManagedIdentityCredential"
      }

      # No secret: Application Insights takes no key alone, but this identity's token.
      env {
        name  = "APPLICATIONINSIGHTS_CONNECTION_STRING"
        value = var.application_insights_connection_string
      }

      env {
        name  = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"
        value = "Authorization=AAD;ClientId=${var.identity_client_id}"
      }

      volume_mounts {
        name = "state"
        path = "/srv/state"
      }

      startup_probe {
        transport               = "HTTP"
        port                    = local.port
        path                    = "/v2/health/live"
        interval_seconds        = 2
        failure_count_threshold = 30
      }

      liveness_probe {
        transport = "HTTP"
        port      = local.port
        path      = "/v2/health/live"
      }

      readiness_probe {
        transport = "HTTP"
        port      = local.port
        path      = "/v2/health/ready"
      }
    }

    http_scale_rule {
      name                = "requests"
      concurrent_requests = tostring(var.replicas.concurrent_requests)
    }
  }
}
