"""From a model of the API to the attributes that Terraform knows it by."""

from __future__ import annotations

import types
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from northstar.errors import Invalid, NorthstarError
from northstar.terraform.values import Type, from_json, is_wholly_known, to_json

Mode = Literal["required", "optional", "defaulted", "computed"]
"""``defaulted``: may be set, and has the model's default where it is not."""

_SCALARS: dict[Any, Type] = {
    str: "string",
    datetime: "string",
    AwareDatetime: "string",
    bool: "bool",
    int: "number",
    float: "number",
}
_COLLECTIONS = {list: "list", tuple: "list", set: "set", frozenset: "set", dict: "map"}
# Terraform keeps these for itself, in every resource.
_RESERVED = frozenset(
    {"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioner"}
)


@dataclass(frozen=True)
class Attribute:
    """One attribute of a resource, of a data source or of the provider's own block.

    Args:
        annotation: the Python type that a value must fit, with its constraints.
        default: what a ``defaulted`` attribute is when it is not set.
    """

    name: str
    type: Type
    mode: Mode
    annotation: Any = str
    default: Any = None
    sensitive: bool = False
    description: str = ""

    def check(self, value: Any) -> None:
        """Raise ``Invalid`` for a set value that the model would not take."""
        if value is None or not is_wholly_known(value):
            return
        try:
            self._adapter.validate_python(to_json(value))
        except ValidationError as error:
            said = "; ".join(_fault(fault) for fault in error.errors(include_url=False))
            shown = "what it is" if self.sensitive else repr(to_json(value))
            raise Invalid(f"{self.name} can't be {shown}.", hint=said) from error
        except NorthstarError as error:
            raise Invalid(error.message, hint=error.hint) from error

    def same(self, one: Any, other: Any) -> bool:
        """Whether two values mean the same, for example one moment in two time zones."""
        if one == other:
            return True
        if one is None or other is None or not (is_wholly_known(one) and is_wholly_known(other)):
            return False
        try:
            first, second = (self._adapter.validate_python(to_json(v)) for v in (one, other))
        except (ValidationError, NorthstarError):
            return False
        return bool(first == second)

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.annotation)


def attributes_of(
    model: type[BaseModel],
    *,
    writes: Collection[str] = (),
    hidden: Collection[str] = (),
    made_of: type[BaseModel] | None = None,
) -> list[Attribute]:
    """The attributes of a model, in the order of its fields.

    Args:
        writes: the fields that a configuration sets; the others come from the platform.
        hidden: fields that are no attributes.
        made_of: the model that something is made of: its rules hold for what is set.
    """
    rules = made_of.model_fields if made_of else {}
    return [
        _attribute(name, field, name in writes, rules.get(name, field))
        for name, field in model.model_fields.items()
        if name not in hidden
    ]


def terraform_type(annotation: Any) -> Type:
    """The type of Terraform's for a Python type; raises ``TypeError`` where there is none."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return terraform_type(inner[0])
    if origin in (Union, types.UnionType):
        kinds = {terraform_type(one) for one in inner if one is not type(None)}
        if len(kinds) == 1:
            return kinds.pop()
    if origin is Literal:
        kinds = {_SCALARS[type(one)] for one in inner}
        if len(kinds) == 1:
            return kinds.pop()
    if origin in (list, set, frozenset) or (origin is tuple and inner[1:] == (...,)):
        return (_COLLECTIONS[origin], terraform_type(inner[0]))
    if origin is dict:
        return ("map", terraform_type(inner[1]))
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    raise TypeError(f"{annotation!r} has no type of Terraform's")


def object_type(attributes: Collection[Attribute]) -> Type:
    """The type of the object that has these attributes."""
    return ("object", {one.name: one.type for one in attributes})


def described(kind: Type) -> str:
    """A type as people write it: ``list(string)``."""
    if isinstance(kind, str):
        return kind
    return f"{kind[0]}({described(kind[1])})"


def _attribute(name: str, field: FieldInfo, written: bool, rule: FieldInfo) -> Attribute:
    if name in _RESERVED:
        raise TypeError(f"Terraform keeps the name {name!r} for itself")
    kind = terraform_type(field.annotation)
    default = None if field.is_required() else _json(field)
    mode: Mode = "computed"
    if written:
        mode = "optional" if _may_be_none(field.annotation) else "required"
        mode = mode if default is None else "defaulted"
    annotation: Any = rule.annotation
    if rule.metadata:
        annotation = Annotated[(annotation, *rule.metadata)]
    return Attribute(
        name,
        kind,
        mode,
        annotation=annotation,
        default=from_json(default, kind),
        description=_about(field),
    )


def _about(field: FieldInfo) -> str:
    said = field.description or ""
    if get_origin(field.annotation) is Literal:
        said += f" One of {', '.join(str(one) for one in get_args(field.annotation))}."
    return said.strip()


def _may_be_none(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType) and type(None) in get_args(annotation)


def _json(field: FieldInfo) -> Any:
    default = field.get_default(call_default_factory=True)
    annotation: Any = field.annotation
    return TypeAdapter[Any](annotation).dump_python(default, mode="json")


def _fault(fault: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    return f"{where}: {fault['msg']}." if where else f"{fault['msg']}."
