"""What bears data tells what is done to it."""

from __future__ import annotations

from collections.abc import Iterator

from northstar.environments.plan import Plan, Resource
from northstar.environments.policies.endpoints import SUBRESOURCES
from northstar.environments.policies.findings import Finding

_STORAGE = "azurerm_storage_account"
_DIAGNOSED = (
    *(one for one in SUBRESOURCES if one != "azurerm_monitor_private_link_scope"),
    "azurerm_log_analytics_workspace",
    "azurerm_network_security_group",
    "azurerm_virtual_network",
)


def diagnostics(plan: Plan) -> Iterator[Finding]:
    """What bears data, and each service of a storage account, sends logs to Log Analytics."""
    logged: dict[Resource, list[Resource]] = {}
    for setting in plan.of_type("azurerm_monitor_diagnostic_setting"):
        if plan.leads_to(setting, "log_analytics_workspace_id") and _has_logs(setting):
            for target in plan.leads_to(setting, "target_resource_id"):
                logged.setdefault(target, []).append(setting)
    hint = "Add an azurerm_monitor_diagnostic_setting with an enabled_log."
    for one in plan.of_type(*_DIAGNOSED):
        if one not in logged:
            yield Finding("diagnostics", one.address, "Nothing keeps its logs.", hint)
    for one in plan.of_type(_STORAGE):
        services = {_service(setting) for setting in logged.get(one, ())}
        for service in sorted(_services(one) - services):
            message = f"Nothing keeps the logs of its {service} service."
            yield Finding("diagnostics", one.address, message, hint)


def _has_logs(setting: Resource) -> bool:
    return any(
        one.get("category") or one.get("category_group")
        for one in setting.values.get("enabled_log") or ()
    )


def _services(account: Resource) -> set[str]:
    return {"file"} if account.values.get("account_kind") == "FileStorage" else {"blob", "file"}


def _service(setting: Resource) -> str:
    """The service of an account whose logs are kept, for the account itself has none.

    Until the account is there, its ids are not known. Then the setting's name in Terraform says
    it, which the tests of the storage module hold to the id.
    """
    target = setting.values.get("target_resource_id")
    if target is None:
        return setting.name
    service, _, rest = str(target).rpartition("/")[0].rpartition("/")[2].partition("Services")
    return "" if rest else service
