"""Terraform's plan as a graph: what each resource will be, and which others it leads to.

Ids are not known before the apply, so the values of a plan do not say which subnet an endpoint will
be in. Its configuration does: ``subnet_id = var.subnet_id`` is followed through the call of the
module to ``module.network.subnet_ids.private_endpoints`` and the resource behind that output.

The format is that of ``terraform show -json``, described under "JSON Output Format" in Terraform's
documentation. Locals are not in it: a reference that goes over one leads nowhere, and what has to
be proven by it is not proven.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Step = tuple[str, str | None]
"""One module call on the way to a resource: its name, and the key of the instance."""

_MODULE = re.compile(r"module\.([\w-]+)(?:\[([^\]]+)\])?")
_PART = re.compile(r"\.?([\w-]+)|\[([^\]]+)\]")


@dataclass(frozen=True, eq=False)
class Resource:
    """One instance of a resource as it will be.

    Args:
        module: the calls that lead to it; empty in the root module.
        key: of ``for_each`` or ``count``, as text.
        values: what is known of it before the apply.
        expressions: how its arguments are written.
        repeated: the references of its ``for_each`` or ``count``.
    """

    address: str
    type: str
    name: str
    module: tuple[Step, ...]
    key: str | None
    values: Mapping[str, Any] = field(repr=False)
    expressions: Mapping[str, Any] = field(repr=False)
    repeated: tuple[str, ...] = ()

    @property
    def modules(self) -> str:
        """The names of the modules that lead to it, such as ``squad.vault``."""
        return ".".join(name for name, _ in self.module) or "root"


class Plan:
    """The resources of a plan, and how they hang together.

    Args:
        document: what ``terraform show -json`` says of a saved plan.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.configuration: Mapping[str, Any] = document["configuration"]["root_module"]
        self.providers: Mapping[str, Any] = document["configuration"].get("provider_config", {})
        self.resources: list[Resource] = list(
            # a plan that removes everything has no values
            _planned(document["planned_values"].get("root_module", {}), self.configuration, ())
        )
        self._instances: dict[tuple[tuple[Step, ...], str], dict[str | None, Resource]] = {}
        self._modules: dict[tuple[Step, ...], None] = {}
        for one in self.resources:
            group = self._instances.setdefault((one.module, f"{one.type}.{one.name}"), {})
            group[one.key] = one
            for depth in range(1, len(one.module) + 1):
                self._modules.setdefault(one.module[:depth])

    def of_type(self, *types: str) -> list[Resource]:
        """The resources of these types, in the plan's order."""
        return [one for one in self.resources if one.type in types]

    def leads_to(self, resource: Resource, *argument: str | int) -> set[Resource]:
        """The resources that an argument refers to; none when that can't be found out.

        Args:
            argument: the way to it, such as ``"private_service_connection", 0, "subnet_id"``.
        """
        place = _Place(resource.module, resource.key, resource.repeated)
        return self._follow(_references(resource.expressions, argument), place, None)

    def variables(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Every variable of every module, by its address, as it is declared."""
        yield from _variables(self.configuration, "")

    def written(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Every resource and data source as it is written, by its address without keys."""
        modules = [("", self.configuration)]
        modules += [(f"{address}.", call["module"]) for address, call in self.calls()]
        for path, module in modules:
            for one in module.get("resources", ()):
                data = "data." if one["mode"] == "data" else ""
                yield f"{path}{data}{one['type']}.{one['name']}", one

    def calls(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Every call of a module as it is written, by its address without keys."""
        yield from _calls(self.configuration, "")

    def _follow(self, references: Iterable[str], place: _Place, key: str | None) -> set[Resource]:
        """What references lead to, from a place.

        Args:
            key: what is taken of a map or object that the references lead to.
        """
        found: set[Resource] = set()
        every = _longest(references)
        same_key = place.key if any(one.startswith("each.key") for one in every) else None
        for reference in every:
            head, *parts = _parts(reference)
            if head == "var" and place.module:
                found |= self._into_call(parts[0], place.module, _last(parts[1:], key))
            elif head == "module":
                found |= self._into_output(parts, place.module, same_key, key)
            elif (head, parts[:1]) == ("each", ["value"]):
                outside = _Place(place.module, None, ())
                found |= self._follow(place.repeated, outside, place.key)
            elif parts and f"{head}.{parts[0]}" in _resources(self._call(place.module)):
                wanted = same_key if same_key is not None else key
                found |= self._instance(place.module, f"{head}.{parts[0]}", parts[1:], wanted)
        return found

    def _into_call(self, variable: str, module: tuple[Step, ...], key: str | None) -> set[Resource]:
        """What the caller of a module gives to a variable."""
        outside, (name, instance) = module[:-1], module[-1]
        call = self._call(outside)["module_calls"][name]
        given = call.get("expressions", {}).get(variable, {})
        repeated = tuple(_references(call, ("for_each_expression",)))
        return self._follow(_all_references(given), _Place(outside, instance, repeated), key)

    def _into_output(
        self, parts: list[str], module: tuple[Step, ...], same_key: str | None, key: str | None
    ) -> set[Resource]:
        """What the outputs of a module give; ``parts`` begins with the module's name."""
        name, *rest = parts
        instances = [one for one in self._modules if one[:-1] == module and one[-1][0] == name]
        keys = {one[-1][1] for one in instances}
        if rest and rest[0] in keys:
            instances, rest = [one for one in instances if one[-1][1] == rest[0]], rest[1:]
        elif same_key in keys:
            instances = [one for one in instances if one[-1][1] == same_key]
        found: set[Resource] = set()
        for one in instances:
            outputs = self._call(one).get("outputs", {})
            # An index that is computed hides the output's name; then it may be any.
            for output in rest[:1] or outputs:
                expression = outputs.get(output, {}).get("expression", {})
                inner = _last(rest[1:], key)
                found |= self._follow(_all_references(expression), _Place(one, None, ()), inner)
        return found

    def _instance(
        self, module: tuple[Step, ...], resource: str, parts: list[str], key: str | None
    ) -> set[Resource]:
        """A resource's instances: the one with the key that is written or wanted, or all."""
        group = self._instances.get((module, resource), {})
        for wanted in (*parts[:1], key):
            if wanted in group and wanted is not None:
                return {group[wanted]}
        return set(group.values())

    def _call(self, module: tuple[Step, ...]) -> Mapping[str, Any]:
        """The configuration of the module that these calls lead to."""
        found = self.configuration
        for name, _ in module:
            found = found["module_calls"][name]["module"]
        return found


@dataclass(frozen=True)
class _Place:
    """Where a reference is written: the module, and what ``each`` is there."""

    module: tuple[Step, ...]
    key: str | None
    repeated: tuple[str, ...]


def _planned(
    values: Mapping[str, Any], configuration: Mapping[str, Any], module: tuple[Step, ...]
) -> Iterator[Resource]:
    written = _resources(configuration)
    for one in values.get("resources", ()):
        if one["mode"] != "managed":
            continue
        described = written.get(f"{one['type']}.{one['name']}", {})
        repeated = (*_references(described, ("for_each_expression",)),)
        yield Resource(
            address=one["address"],
            type=one["type"],
            name=one["name"],
            module=module,
            key=str(one["index"]) if "index" in one else None,
            values=one["values"],
            expressions=described.get("expressions", {}),
            repeated=repeated,
        )
    for child in values.get("child_modules", ()):
        name, key = _MODULE.findall(child["address"])[-1]
        call = configuration["module_calls"][name]["module"]
        yield from _planned(child, call, (*module, (name, _index(key) if key else None)))


def _resources(configuration: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    listed = configuration.get("resources", ())
    return {f"{one['type']}.{one['name']}": one for one in listed if one["mode"] == "managed"}


def _variables(
    configuration: Mapping[str, Any], path: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, variable in configuration.get("variables", {}).items():
        yield f"{path}var.{name}", variable
    for name, call in configuration.get("module_calls", {}).items():
        yield from _variables(call["module"], f"{path}module.{name}.")


def _calls(configuration: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, call in configuration.get("module_calls", {}).items():
        yield f"{path}module.{name}", call
        yield from _calls(call["module"], f"{path}module.{name}.")


def _references(expressions: Mapping[str, Any], argument: Iterable[str | int]) -> list[str]:
    found: Any = expressions
    for step in argument:
        if isinstance(found, list):
            found = found[step] if isinstance(step, int) and step < len(found) else {}
        else:
            found = found.get(step, {})
    return _all_references(found)


def _all_references(expression: Any) -> list[str]:
    if isinstance(expression, list):
        return [one for inner in expression for one in _all_references(inner)]
    if not isinstance(expression, dict):
        return []
    own = expression.get("references")
    if isinstance(own, list):
        return [str(one) for one in own]
    return [one for inner in expression.values() for one in _all_references(inner)]


def _longest(references: Iterable[str]) -> list[str]:
    """Without those that only begin another one: Terraform lists both."""
    every = set(references)
    return sorted(
        one for one in every if not any(o.startswith((f"{one}.", f"{one}[")) for o in every)
    )


def _parts(reference: str) -> list[str]:
    """``module.a["b"].c`` as ``["module", "a", "b", "c"]``."""
    return [name or _index(index) for name, index in _PART.findall(reference)]


def _index(text: str) -> str:
    """The key in brackets: a text in quotation marks, or a number."""
    return str(json.loads(text)) if text.startswith('"') else text


def _last(parts: list[str], otherwise: str | None) -> str | None:
    return parts[0] if parts else otherwise
