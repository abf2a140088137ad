"""Secrets that everybody can read who reads the code or the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from northstar.environments.plan import Plan
from northstar.environments.policies.findings import Finding
from northstar.environments.policies.values import every
from northstar.environments.secret_texts import is_secret, is_secret_setting, is_secret_value

_KEPT = "let the program read the secret from the vault."


def secrets(plan: Plan) -> Iterator[Finding]:
    """No default, setting or other argument is a secret."""
    for address, variable in plan.variables():
        texts = _texts(address.rpartition(".")[2], variable.get("default"))
        if any(is_secret_value(name, text) for name, text in texts):
            message = "Its default is a secret, which everybody who reads the code can see."
            yield Finding("secrets", address, message, f"Leave the default away, and {_KEPT}")
    for one in plan.resources:
        if any(is_secret(text) for _, text in _texts("", one.values)):
            message = "An argument of it is a secret, which everybody who reads the plan can see."
            yield Finding("secrets", one.address, message, f"Leave it out, and {_KEPT}")
    for app in plan.of_type("azurerm_container_app"):
        for kind in ("container", "init_container"):
            for variable in every(app.values, f"template.{kind}.env"):
                yield from _in_settings(app.address, variable)


def _in_settings(address: str, settings: list[Mapping[str, Any]]) -> Iterator[Finding]:
    for setting in settings:
        name, value = str(setting.get("name")), setting.get("value")
        if value and is_secret_setting(name, value):
            message = f"The value of {name} is written out, which everybody with the plan can see."
            yield Finding("secrets", address, message, f"Give it secret_name, and {_KEPT}")


def _texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text in a value, with the name that it has there."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(str(key), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(name, inner)
