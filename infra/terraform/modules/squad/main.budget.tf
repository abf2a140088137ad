# Of all that carries the squad's tag, wherever it is: clusters are paid for in the workspace's group.
resource "azurerm_consumption_budget_subscription" "this" {
  name            = "budget-${var.platform}-${var.environment}-${var.name}"
  subscription_id = "/subscriptions/${var.subscription_id}"
  amount          = var.monthly_budget
  time_grain      = "Monthly"

  time_period {
    start_date = formatdate("YYYY-MM-'01T00:00:00Z'", plantimestamp())
  }

  filter {
    tag {
      name   = "squad"
      values = [var.name]
    }

    tag {
      name   = "environment"
      values = [var.environment]
    }
  }

  notification {
    operator       = "GreaterThan"
    threshold      = 80
    threshold_type = "Actual"
    contact_groups = [var.action_group_id]
  }

  notification {
    operator       = "GreaterThan"
    threshold      = 100
    threshold_type = "Forecasted"
    contact_groups = [var.action_group_id]
  }

  # Azure takes no month that is past for a new budget; one that is there counts on from its own.
  lifecycle {
    ignore_changes = [time_period]
  }
}
