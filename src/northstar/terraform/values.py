"""Terraform's values: how they are written on the wire, and how the API's JSON becomes them.

A value is ``None``, text, a boolean, a number (``int`` or ``Decimal``), a list, or a dictionary;
what is only known after the apply is a ``msgpack.ExtType``, kept as Terraform sent it.

Numbers are exact: Terraform computes with 512 bits, and 0.1 that went through a float would come
back to it as another number than the one in the configuration.

The wire format is that of cty (``docs/concepts.md`` and ``cty/msgpack`` in zclconf/go-cty).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgpack

Type = str | tuple[Any, ...]
"""``"string"``, ``"number"``, ``"bool"``, ``("list", Type)``, ``("set", Type)``, ``("map", Type)``
or ``("object", {name: Type})``: what Terraform writes as JSON."""

UNKNOWN = msgpack.ExtType(0, b"\0")


def is_unknown(value: object) -> bool:
    """Whether a value is only known after the apply."""
    return isinstance(value, msgpack.ExtType)


def is_wholly_known(value: object) -> bool:
    """Whether neither a value nor anything inside of it is unknown."""
    if isinstance(value, list):
        return all(is_wholly_known(one) for one in value)
    if isinstance(value, dict):
        return all(is_wholly_known(one) for one in value.values())
    return not is_unknown(value)


def decode(data: bytes, kind: Type) -> Any:
    """A value of a type, from msgpack; raises ``ValueError`` for what is none."""
    return _shape(msgpack.unpackb(data, raw=False, strict_map_key=False), kind)


def decode_json(data: bytes, kind: Type) -> Any:
    """A value of a type, from JSON such as a state file has it.

    Of an object, attributes that the type doesn't have are dropped and missing ones are null: a
    state that was written by another version of the provider is read like that.
    """
    return from_json(json.loads(data, parse_float=Decimal), kind)


def encode(value: Any) -> bytes:
    """A value as msgpack; numbers that are not 64-bit integers are written as decimal text."""
    packed: bytes = msgpack.packb(value, default=str)
    return packed


def from_json(value: Any, kind: Type) -> Any:
    """Decoded JSON as a value of a type."""
    return _shape(value, kind)


def to_json(value: Any) -> Any:
    """A value that is wholly known, as what ``json.dumps`` takes."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list):
        return [to_json(one) for one in value]
    if isinstance(value, dict):
        return {key: to_json(one) for key, one in value.items()}
    return value


def _shape(value: Any, kind: Type) -> Any:
    if value is None or is_unknown(value):
        return value
    if isinstance(kind, str):
        return _number(value) if kind == "number" else value
    name, inner = kind
    if name == "object":
        return _object(value, inner)
    if name == "map":
        return {str(key): _shape(one, inner) for key, one in value.items()}
    return [_shape(one, inner) for one in value]


def _object(value: Mapping[str, Any], attributes: Mapping[str, Type]) -> dict[str, Any]:
    return {name: _shape(value.get(name), kind) for name, kind in attributes.items()}


def _number(value: Any) -> int | Decimal:
    if isinstance(value, int):
        return value
    exact = Decimal(repr(value) if isinstance(value, float) else value)
    return int(exact) if exact == exact.to_integral_value() else exact
