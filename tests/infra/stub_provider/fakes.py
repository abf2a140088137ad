"""Values for what only Azure could know, the same for the same configuration."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from northstar.terraform.values import is_unknown

_NAMESPACE = uuid.UUID("7f3c5f6e-6c0b-5b5e-9a37-0d1d5a0e7a11")
_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
_GUID_AT_THE_END = re.compile(r"/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_BY_SUFFIX = (
    (re.compile(r"(url|uri|endpoint)$"), "https://{name}.{kind}.stub.invalid/"),
    (re.compile(r"(fqdn|_host|hostname|login_server|domain)$"), "{name}.{kind}.stub.invalid"),
    (re.compile(r"(ip_address|_ip|_address)$"), "10.0.0.4"),
)

Block = dict[str, Any]


class Faker:
    """Fills in one resource.

    Args:
        arm_id: an id of the resource's type out of the documentation; empty for none.
        value: the resource's attributes as far as they are known.
    """

    def __init__(self, type_name: str, arm_id: str, value: dict[str, Any]) -> None:
        self._arm_id, self._value = arm_id, value
        known = {k: v for k, v in sorted(value.items()) if isinstance(v, str | int | bool)}
        self._seed = f"{type_name}:{json.dumps(known)}"
        name = value.get("name")
        if not isinstance(name, str):
            named_by_guid = _GUID_AT_THE_END.search(arm_id)
            name = self._guid("name") if named_by_guid else type_name.replace("_", "-")
        self._name = name

    def fill(self, block: Block, value: dict[str, Any]) -> dict[str, Any]:
        """``value`` with every unknown and every computed attribute filled in, in place."""
        for name, attribute in block["attributes"].items():
            given = value.get(name)
            if is_unknown(given) or (given is None and "computed" in attribute["mode"]):
                value[name] = attribute.get("default")
                if value[name] is None:
                    empty = "optional" in attribute["mode"]
                    value[name] = self._fake(name, attribute["type"], empty=empty)
        for name, nested in block["blocks"].items():
            for _, item in elements(value.get(name)):
                self.fill(nested["block"], item)
        return value

    def _fake(self, name: str, kind: Any, *, empty: bool = False) -> Any:
        if kind == "string":
            return self._text(name)
        if kind in ("bool", "number"):
            return False if kind == "bool" else 0
        shape, inner = kind
        if shape == "object":
            return {key: self._fake(key, of) for key, of in inner.items()}
        if shape == "map":
            return {}
        return [] if empty else [self._fake(name, inner)]

    def _text(self, name: str) -> str:
        fixed = {
            "name": self._name,
            "location": "westeurope",
            "subscription_id": _SUBSCRIPTION,
            "tenant_id": str(uuid.uuid5(_NAMESPACE, "tenant")),
        }
        if name == "id":
            return self._resource_id()
        if name in fixed:
            return fixed[name]
        if name.endswith(("_id", "_ids", "guid")):
            return self._guid(name)
        kind = name.replace("_", "-")
        for suffix, shape in _BY_SUFFIX:
            if suffix.search(name):
                return shape.format(name=self._name, kind=kind)
        return f"stub-{kind}-{self._guid(name)[:8]}"

    def _guid(self, name: str) -> str:
        return str(uuid.uuid5(_NAMESPACE, f"{self._seed}:{name}"))

    def _resource_id(self) -> str:
        """An ARM id in the documented shape, hung under the parent that the configuration names."""
        if not self._arm_id:
            return self._guid("id")
        parts = self._arm_id.strip("/").split("/")
        keys, names = parts[0::2], parts[1::2]
        for i, key in enumerate(keys):
            own = re.sub(r"(?<!^)(?=[A-Z])", "_", key.rstrip("s")).lower() + "_name"
            if key == "subscriptions":
                names[i] = _SUBSCRIPTION
            elif isinstance(self._value.get(own), str):
                names[i] = self._value[own]
        for above in sorted(self._parents(), key=len):
            depth = len(above) // 2
            if above[0::2] == keys[:depth] and above[1::2][2:3] == names[2:3]:
                names[:depth] = above[1::2]
        if "name" in self._value:
            names[-1] = self._name
        return "/" + "/".join(part for pair in zip(keys, names, strict=True) for part in pair)

    def _parents(self) -> list[list[str]]:
        ids = [v for k, v in self._value.items() if k.endswith("_id") and isinstance(v, str)]
        return [one.strip("/").split("/") for one in ids]


def elements(value: Any) -> list[tuple[int | None, dict[str, Any]]]:
    """The objects in the value of a nested block, with their place in it."""
    if isinstance(value, dict):
        return [(None, value)]
    items = enumerate(value) if isinstance(value, list) else ()
    return [(place, item) for place, item in items if isinstance(item, dict)]
