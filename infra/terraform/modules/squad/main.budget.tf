# Of all that carries the squad's tag, wherever it is: clusters are paid for in the workspace's group.
resource "azurerm_consumption_budget_subscription" "this" {
  name            = "budget-${var.platform}-${var.environment}-${var.name}"
  subscription_id = "/subscriptions/${var.subscription_id}"
  amount          = var.budget.amount
  time_grain      = "Monthly"

  time_period {
    start_date = var.budget.start_date
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
}
