locals {
  port = 8700
  url  = "https://${var.name}.${azurerm_container_app_environment.this.default_domain}"

  database_url = "postgresql+psycopg://${azurerm_user_assigned_identity.this.name}@${var.database_host}:5432"
  database_tls = "sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt" # those of the image

  store_container = "northstar" # those of captures begin with captures-
  store_host      = "${var.store_account_name}.dfs.core.windows.net"

  settings = merge({
    AZURE_CLIENT_ID               = azurerm_user_assigned_identity.this.client_id
    AZURE_TOKEN_CREDENTIALS       = "ManagedIdentityCredential"
    NORTHSTAR_STATE               = "/srv/northstar"
    NORTHSTAR_STORE               = "abfs://${local.store_container}@${local.store_host}"
    NORTHSTAR_CAPTURES            = "abfs://captures-{squad}@${local.store_host}"
    NORTHSTAR_PUBLIC_URL          = local.url
    NORTHSTAR_DATABASE_URL        = "${local.database_url}/northstar?${local.database_tls}"
    NORTHSTAR_MLFLOW_DATABASE_URL = "${local.database_url}/mlflow?${local.database_tls}"
    NORTHSTAR_DATABASE_IDENTITY   = "entra"
    NORTHSTAR_TRUSTED_PROXIES     = var.container_apps_prefix
    NORTHSTAR_ENCRYPTION_KEY      = "keyvault:${var.key_vault_uri}secrets/northstar-encryption-key"

    # What is not set here may be set there.
    NORTHSTAR_APP_CONFIGURATION       = var.app_configuration_endpoint
    NORTHSTAR_APP_CONFIGURATION_LABEL = var.tags["environment"]

    # Application Insights takes no key alone. One trace in ten is kept; metrics count everything.
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING = "Authorization=AAD;ClientId=${azurerm_user_assigned_identity.this.client_id}"
    OTEL_RESOURCE_ATTRIBUTES                  = "deployment.environment.name=${var.tags["environment"]}"
    OTEL_TRACES_SAMPLER                       = "parentbased_traceidratio"
    OTEL_TRACES_SAMPLER_ARG                   = "0.1"
  }, var.settings)
}

resource "azurerm_user_assigned_identity" "this" {
  name                = "id-${var.name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_container_app" "this" {
  name                         = var.name
  resource_group_name          = var.resource_group_name
  container_app_environment_id = azurerm_container_app_environment.this.id
  revision_mode                = "Single"
  workload_profile_name        = "Consumption"
  tags                         = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.this.id]
  }

  registry {
    server   = var.container_registry_login_server
    identity = azurerm_user_assigned_identity.this.id
  }

  secret {
    name  = "azure-monitor"
    value = var.application_insights_connection_string
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
      storage_type = "NfsAzureFile"
      storage_name = azurerm_container_app_environment_storage.state.name
    }

    container {
      name    = "northstar"
      image   = "${var.container_registry_login_server}/${var.image}"
      command = ["northstar", "server", "--host", "0.0.0.0", "--port", tostring(local.port)]
      cpu     = var.size.cpu
      memory  = var.size.memory

      dynamic "env" {
        for_each = local.settings

        content {
          name  = env.key
          value = env.value
        }
      }

      env {
        name        = "NORTHSTAR_AZURE_MONITOR" # the audit
        secret_name = "azure-monitor"
      }

      env {
        name        = "APPLICATIONINSIGHTS_CONNECTION_STRING" # everything else
        secret_name = "azure-monitor"
      }

      volume_mounts {
        name = "state"
        path = local.settings.NORTHSTAR_STATE
      }

      startup_probe {
        transport               = "HTTP"
        port                    = local.port
        path                    = "/healthz"
        interval_seconds        = 5
        failure_count_threshold = 24 # the first replica makes the tables
      }

      liveness_probe {
        transport = "HTTP"
        port      = local.port
        path      = "/healthz"
      }

      readiness_probe {
        transport = "HTTP"
        port      = local.port
        path      = "/readyz"
      }
    }

    http_scale_rule {
      name                = "requests"
      concurrent_requests = "50"
    }
  }

  # It pulls its image, reads its settings and secrets and tries its store when it starts.
  depends_on = [
    azurerm_role_assignment.on_configuration,
    azurerm_role_assignment.on_registry,
    azurerm_role_assignment.on_store,
    azurerm_role_assignment.on_vault,
  ]
}
