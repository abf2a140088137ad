"""What storage accounts delete by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from northstar.environments.plan import Plan
from northstar.environments.policies.findings import Finding
from northstar.environments.policies.settings import PURGE
from northstar.environments.policies.values import every

_STORE = "control_plane.store"
_CAPTURES = "captures-"
_LEAST_DAYS = 7
"""For how many days the monitor still reads captures for what was late."""


def deletions(plan: Plan) -> Iterator[Finding]:
    """Captures alone are deleted by their age, and old versions; neither within a week."""
    for one in plan.of_type("azurerm_storage_management_policy"):
        accounts = plan.leads_to(one, "storage_account_id")
        of_the_store = {account.modules for account in accounts} == {_STORE}
        rules = one.values.get("rule")
        if rules is None:
            yield Finding(PURGE, one.address, "What it deletes is not known.", "Write its rules.")
        for rule in rules or ():
            for what, hint in _objections(rule, of_the_store=of_the_store):
                yield Finding(PURGE, one.address, f"The rule {rule.get('name')} {what}.", hint)


def _objections(rule: Mapping[str, Any], *, of_the_store: bool) -> Iterator[tuple[str, str]]:
    """What a rule deletes that it should not."""
    current = list(every(rule, "actions.base_blob"))
    prefixes = next(every(rule, "filters.prefix_match"), None) or ()
    captures = bool(prefixes) and all(str(one).startswith(_CAPTURES) for one in prefixes)
    if any(current) and not (of_the_store and captures):
        hint = f"Name containers of the store that begin with {_CAPTURES}."
        yield "is for current blobs, and not proven to be for captures alone", hint
    for kind in ("base_blob", "version", "snapshot"):
        for action in (block for blocks in every(rule, f"actions.{kind}") for block in blocks):
            days = [action[name] for name in action if "_after_days_" in name]
            days = [one for one in days if one is not None and one >= 0]  # -1 is not written
            if not days or min(days) < _LEAST_DAYS:
                hint = f"Write {_LEAST_DAYS} days or more."
                yield f"is not proven to wait for {_LEAST_DAYS} days ({kind})", hint
