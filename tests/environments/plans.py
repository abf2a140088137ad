"""Small plans as Terraform shows them: two squads, made by one module."""

from __future__ import annotations

from typing import Any

from northstar.environments.plan import Plan

TRAINING = 'azurerm_user_assigned_identity.this["training"]'
CONTAINER = "azurerm_storage_container.this"


def references(*names: str) -> dict[str, Any]:
    """An expression as the configuration of a plan has it."""
    return {"references": list(names)}


def squads(scope: dict[str, Any], role: str | None = "Storage Blob Data Contributor") -> Plan:
    """Squads ``a`` and ``b``, in each of which training gets a role on ``scope``."""
    identity = references(f"{TRAINING}.principal_id", TRAINING)
    assignment = {"scope": scope, "principal_id": identity}
    written = [
        _written("azurerm_user_assigned_identity", "this", {}, for_each_expression={}),
        _written("azurerm_storage_container", "this", {}),
        _written("azurerm_role_assignment", "training", assignment),
    ]
    outputs = {"container_id": {"expression": references(f"{CONTAINER}.id", CONTAINER)}}
    module = {"resources": written, "outputs": outputs}
    given = references('module.squad["a"].container_id', 'module.squad["a"]', "module.squad")
    calls = {"squad": {"module": module, "expressions": {"container_id": given}}}
    made = [
        _made("azurerm_user_assigned_identity", "this", {}, index="training"),
        _made("azurerm_storage_container", "this", {"container_access_type": "private"}),
        _made("azurerm_role_assignment", "training", {"role_definition_name": role}),
    ]
    children = [
        {"address": f'module.squad["{name}"]', "resources": _inside(name, made)}
        for name in ("a", "b")
    ]
    return Plan(
        {
            "configuration": {"root_module": {"module_calls": calls}},
            "planned_values": {"root_module": {"child_modules": children}},
        }
    )


def _written(kind: str, name: str, expressions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"mode": "managed", "type": kind, "name": name, "expressions": expressions, **more}


def _made(kind: str, name: str, values: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"mode": "managed", "type": kind, "name": name, "values": values, **more}


def _inside(squad: str, made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    prefix = f'module.squad["{squad}"]'
    return [{**one, "address": f"{prefix}.{one['type']}.{one['name']}"} for one in made]
