"""From a model of the API to attributes, and what they take."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from northstar.errors import Invalid
from northstar.terraform.schema import Attribute, attributes_of, described, terraform_type
from northstar.terraform.values import UNKNOWN


class Sample(BaseModel):
    name: Annotated[str, Field(max_length=5)]
    size: Literal["small", "large"] = "small"
    share: float = Field(default=0.1, gt=0, description="Of the traffic.")
    until: datetime | None
    labels: dict[str, str] = {}
    owners: tuple[str, ...] = ("anna",)
    seen: set[int] = set()
    made_at: datetime


_WRITES = ("name", "size", "share", "until", "labels", "owners", "seen")


def attribute(name: str) -> Attribute:
    return next(one for one in attributes_of(Sample, writes=_WRITES) if one.name == name)


def test_the_fields_become_attributes_in_their_order() -> None:
    found = attributes_of(Sample, writes=_WRITES)
    assert [(one.name, described(one.type), one.mode, one.default) for one in found] == [
        ("name", "string", "required", None),
        ("size", "string", "defaulted", "small"),
        ("share", "number", "defaulted", Decimal("0.1")),
        ("until", "string", "optional", None),
        ("labels", "map(string)", "defaulted", {}),
        ("owners", "list(string)", "defaulted", ["anna"]),
        ("seen", "set(number)", "defaulted", []),
        ("made_at", "string", "computed", None),
    ]
    assert attribute("share").description == "Of the traffic."


@pytest.mark.parametrize("kind", [Any, bytes, int | str, tuple[int, str], Sample])
def test_a_type_that_terraform_does_not_have_is_refused(kind: Any) -> None:
    with pytest.raises(TypeError):
        terraform_type(kind)


def test_a_name_that_terraform_keeps_for_itself_is_refused() -> None:
    class Counted(BaseModel):
        count: int

    with pytest.raises(TypeError, match="count"):
        attributes_of(Counted)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "too long"),
        ("size", "medium"),
        ("share", 0),
        ("until", "soon"),
        ("labels", {"a": None}),
    ],
)
def test_what_the_model_refuses_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(Invalid, match=f"^{name} can't be") as refused:
        attribute(name).check(value)
    assert refused.value.hint


@pytest.mark.parametrize("value", [None, UNKNOWN])
def test_what_is_not_set_or_not_known_is_not_refused(value: Any) -> None:
    attribute("size").check(value)


def test_a_secret_that_is_refused_is_not_shown() -> None:
    pin = Annotated[str, Field(max_length=2)]
    secret = Attribute("pin", "string", "optional", annotation=pin, sensitive=True)
    with pytest.raises(Invalid) as refused:
        secret.check("hunter2")
    assert "hunter2" not in str(refused.value)


def test_two_ways_to_write_one_value_are_the_same() -> None:
    moment = attribute("until").same
    assert moment("2100-01-01T01:00:00+01:00", "2100-01-01T00:00:00Z")
    assert not moment("2100-01-01T01:00:00Z", "2100-01-01T00:00:00Z")
    assert not moment(None, "2100-01-01T00:00:00Z")
    assert attribute("seen").same([1, 2], [2, 1])
    assert not attribute("owners").same(["anna", "ben"], ["ben", "anna"])
