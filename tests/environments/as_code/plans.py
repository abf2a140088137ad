"""Small plans as ``terraform show -json`` says them, one resource at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import yaml

from northstar.environments.as_code.platform_file import PlatformFile
from northstar.environments.as_code.prices import load_prices
from northstar.environments.as_code.report_text import as_text
from northstar.environments.as_code.review import review
from northstar.environments.as_code.summary import Summary, summarise
from tests.infra.folder import EXAMPLE_PLATFORM

TODAY = date(2026, 11, 23)
SQUAD = 'module.squad["operations"].'
CI = f'{SQUAD}azurerm_user_assigned_identity.this["ci"]'
CI_ID = "/subscriptions/s/resourceGroups/g/providers/M/userAssignedIdentities/id-ci"
CI_PRINCIPAL = "aaaaaaaa-0000-0000-0000-000000000000"
STORE = "module.models.azurerm_storage_account.this"
APP = 'module.control_plane.azurerm_container_app.this["server"]'
_ADDRESS = re.compile(r'(?:module\.[\w-]+(?:\["[^"]+"\])?\.)*(?:data\.)?(\w+)\.([\w-]+)')


def entry(
    address: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    *,
    actions: list[str] | None = None,
    unknown: object = None,
    secret: object = None,
    **more: Any,
) -> dict[str, Any]:
    """One of ``resource_changes``; ``secret`` holds on both sides."""
    found = _ADDRESS.match(address)
    assert found
    usual = ["create"] if before is None else ["delete"] if after is None else ["update"]
    change = {
        "actions": actions or usual,
        "before": before,
        "after": after,
        "after_unknown": unknown or {},
        "before_sensitive": secret or {},
        "after_sensitive": secret or {},
        **more.pop("change", {}),
    }
    named = {"mode": "managed", "type": found.group(1), "name": found.group(2)}
    return {"address": address, **named, "change": change, **more}


def plan(*entries: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A plan of these changes, with an identity of a squad's CI that is there already."""
    there = {"id": CI_ID, "principal_id": CI_PRINCIPAL}
    known = entry(CI, there, there, actions=["no-op"])
    return {
        "configuration": {"root_module": {}},
        "planned_values": {},
        "resource_changes": [known, *entries],
        **more,
    }


def written(**resources: Mapping[str, Any]) -> dict[str, Any]:
    """How resources of the root module are written: expressions by ``TYPE__NAME``."""
    named = [(*name.split("__"), one) for name, one in resources.items()]
    known = [({"mode": "managed", "type": kind, "name": name}, one) for kind, name, one in named]
    planned = [{**one, "address": f"{one['type']}.{one['name']}", "values": {}} for one, _ in known]
    configuration = [{**one, "expressions": expressions} for one, expressions in known]
    return {
        "configuration": {"root_module": {"resources": configuration}},
        "planned_values": {"root_module": {"resources": planned}},
    }


def text(*entries: Mapping[str, Any], **more: Any) -> str:
    """What a person reads of it, with the example's platform.yaml."""
    file = PlatformFile.model_validate(yaml.safe_load(EXAMPLE_PLATFORM.read_text()))
    return as_text(review(plan(*entries, **more), file, "dev", load_prices(), TODAY))


def summary(*entries: Mapping[str, Any], **more: Any) -> Summary:
    return summarise(plan(*entries, **more), load_prices())
