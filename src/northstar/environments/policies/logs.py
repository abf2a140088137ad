"""What bears data tells what is done to it."""

from __future__ import annotations

from collections.abc import Iterator

from northstar.environments.plan import Plan
from northstar.environments.policies.endpoints import SUBRESOURCES
from northstar.environments.policies.findings import Finding

_DIAGNOSED = (
    *(one for one in SUBRESOURCES if one != "azurerm_monitor_private_link_scope"),
    "azurerm_log_analytics_workspace",
    "azurerm_storage_account",
)


def diagnostics(plan: Plan) -> Iterator[Finding]:
    """What bears data sends its logs to Log Analytics."""
    watched = {
        target
        for setting in plan.of_type("azurerm_monitor_diagnostic_setting")
        if plan.leads_to(setting, "log_analytics_workspace_id")
        for target in plan.leads_to(setting, "target_resource_id")
    }
    for one in plan.of_type(*_DIAGNOSED):
        if one not in watched:
            message, hint = "Nothing keeps its logs.", "Add an azurerm_monitor_diagnostic_setting."
            yield Finding("diagnostics", one.address, message, hint)
