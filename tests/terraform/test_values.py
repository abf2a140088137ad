"""Values survive the way to Terraform and back, exactly."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from northstar.terraform.values import (
    UNKNOWN,
    Type,
    decode,
    decode_json,
    encode,
    from_json,
    is_unknown,
    is_wholly_known,
    to_json,
)

_NUMBERS = st.one_of(
    st.integers(-(2**80), 2**80),
    st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9)),
).map(lambda n: int(n) if n == int(n) else n)
_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(),
    "bool": st.booleans(),
    "number": _NUMBERS,
}


def _values(kind: Type) -> st.SearchStrategy[Any]:
    """Values of a type; any of them may be null or unknown."""
    if isinstance(kind, str):
        some = _SCALARS[kind]
    elif kind[0] == "object":
        some = st.fixed_dictionaries({name: _values(one) for name, one in kind[1].items()})
    elif kind[0] == "map":
        some = st.dictionaries(st.text(), _values(kind[1]), max_size=3)
    else:
        some = st.lists(_values(kind[1]), max_size=3)
    return st.one_of(some, st.none(), st.just(UNKNOWN))


_TYPES: st.SearchStrategy[Type] = st.recursive(
    st.sampled_from(["string", "bool", "number"]),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["list", "set", "map"]), inner),
        st.dictionaries(st.sampled_from("abc"), inner).map(lambda types: ("object", types)),
    ),
    max_leaves=4,
)
_TYPED = _TYPES.flatmap(lambda kind: st.tuples(st.just(kind), _values(kind)))


@given(_TYPED)
def test_what_is_sent_comes_back(typed: tuple[Type, Any]) -> None:
    kind, value = typed
    assert decode(encode(value), kind) == value


@given(_TYPED)
def test_what_is_known_goes_through_json(typed: tuple[Type, Any]) -> None:
    kind, value = typed
    if is_wholly_known(value):
        text = json.dumps(value, default=str).encode()
        assert decode_json(text, kind) == value
        assert json.dumps(to_json(value))


@pytest.mark.parametrize("written", ["0.1", "0.07", "1e-7", "123456789012345678901234567890.5"])
def test_a_number_keeps_all_its_digits(written: str) -> None:
    # Terraform writes what is no exact float as text: cty's own encoding.
    number = decode(msgpack.packb(written), "number")
    assert number == Decimal(written)
    assert Decimal(msgpack.unpackb(encode(number))) == Decimal(written)


def test_a_number_of_the_api_is_the_one_in_the_configuration() -> None:
    assert from_json(0.07, "number") == decode(msgpack.packb("0.07"), "number")
    assert from_json(100.0, "number") == decode(msgpack.packb(100), "number")


def test_an_unknown_value_with_what_is_known_of_it_is_kept() -> None:
    refined = msgpack.ExtType(12, msgpack.packb({1: False}))
    value = decode(msgpack.packb({"id": refined}), ("object", {"id": "string"}))
    assert is_unknown(value["id"])
    assert msgpack.unpackb(encode(value)) == {"id": refined}


def test_a_state_of_another_version_is_read_by_its_names() -> None:
    kind: Type = ("object", {"name": "string", "joined": "number"})
    assert decode_json(b'{"name": "a", "left": true}', kind) == {"name": "a", "joined": None}
