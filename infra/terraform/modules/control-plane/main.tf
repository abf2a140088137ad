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

    # Jobs run as users of their own: the container is root in its sandbox, and the share keeps users.
    NORTHSTAR_JOB_UIDS = "20000-59999"
    NORTHSTAR_WORK     = "/srv/work"

    # What is not set here may be set there.
    NORTHSTAR_APP_CONFIGURATION       = var.app_configuration_endpoint
    NORTHSTAR_APP_CONFIGURATION_LABEL = var.tags["environment"]

    # Application Insights takes no key alone. One trace in ten is kept; metrics count everything.
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING = "Authorization=AAD;ClientId=${azurerm_user_assigned_identity.this.client_id}"
    OTEL_RESOURCE_ATTRIBUTES                  = "deployment.environment.name=${var.tags["environment"]}"
    OTEL_TRACES_SAMPLER                       = "parentbased_traceidratio"
    OTEL_TRACES_SAMPLER_ARG                   = "0.1"
  }, var.settings)

  # A training takes all the memory that it finds: it must not be that of the replicas that answer.
  # Endpoints are container apps of their own.
  apps = {
    server = {
      name      = var.name
      answers   = true
      elsewhere = "jobs endpoints"
      replicas  = var.replicas
      size      = var.size
    }
    jobs = {
      name      = "${var.name}-jobs"
      answers   = false
      elsewhere = "endpoints"
      replicas  = { min = 1, max = 1 }
      size      = var.jobs_size
    }
  }
}

resource "azurerm_user_assigned_identity" "this" {
  name                = "id-${var.name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_container_app" "this" {
  for_each = { for key, app in local.apps : key => app if var.image != null }

  name                         = each.value.name
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

  dynamic "ingress" {
    for_each = each.value.answers ? [local.port] : []

    content {
      external_enabled           = true # outside of the environment, which is inside of the network
      target_port                = ingress.value
      transport                  = "http"
      allow_insecure_connections = false

      traffic_weight {
        latest_revision = true
        percentage      = 100
      }
    }
  }

  template {
    min_replicas                     = each.value.replicas.min
    max_replicas                     = each.value.replicas.max
    termination_grace_period_seconds = 60

    dynamic "volume" {
      for_each = azurerm_container_app_environment_storage.this

      content {
        name         = volume.key
        storage_type = "NfsAzureFile"
        storage_name = volume.value.name
      }
    }

    container {
      name    = "northstar"
      image   = "${var.container_registry_login_server}/${var.image}"
      command = ["tini", "--", "northstar", "server", "--host", "0.0.0.0", "--port", tostring(local.port)]
      cpu     = each.value.size.cpu
      memory  = each.value.size.memory

      dynamic "env" {
        for_each = local.settings

        content {
          name  = env.key
          value = env.value
        }
      }

      env {
        name  = "NORTHSTAR_ELSEWHERE"
        value = each.value.elsewhere
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

      volume_mounts {
        name = "work" # every replica shows what a job says
        path = local.settings.NORTHSTAR_WORK
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

    dynamic "http_scale_rule" {
      for_each = each.value.answers ? ["50"] : []

      content {
        name                = "requests"
        concurrent_requests = http_scale_rule.value
      }
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
