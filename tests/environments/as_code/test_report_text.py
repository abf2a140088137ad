"""A reviewed plan as a person reads it."""

from __future__ import annotations

from typing import Any

from northstar.environments.as_code.wording import counted
from tests.environments.as_code.plans import APP, SQUAD, entry, text


def tagged(name: str, before: dict[str, str], after: dict[str, str], **more: Any) -> dict[str, Any]:
    address = f'{SQUAD}azurerm_storage_account.this["{name}"]'
    return entry(address, {"tags": before}, {"tags": after, **more})


def test_the_same_tags_on_many_resources_are_one_line() -> None:
    old, new = {"owner": "a", "cost": "1"}, {"owner": "b", "cost": "1"}
    said = text(*(tagged(str(i), old, new) for i in range(41)))
    assert 'Tags on 41 resources: owner "a" -> "b"' in said
    assert said.count("storage account") == 0
    assert "Nothing more is reached than before, and nobody may do more." in said


def test_what_differs_by_more_than_tags_is_told_besides() -> None:
    old, new = {"owner": "a"}, {"owner": "b"}
    said = text(tagged("x", old, new), tagged("y", old, new, access_tier="Cool"))
    assert 'Tags on 2 resources: owner "a" -> "b"' in said
    assert 'changed: storage account y (access_tier: null -> "Cool")' in said


def test_many_fields_are_cut_with_their_number() -> None:
    said = text(entry(APP, {}, {f"f{i:02}": i for i in range(20)}))
    assert "f07: null -> 7; and 12 more)" in said


def test_nothing_is_not_said_to_be_opened_where_something_may_be() -> None:
    said = text(entry(APP, {"command": "a"}, {"command": "b"}))
    assert "Nothing more is reached" not in said
    assert "What may open something: look at it" in said


def test_one_and_several_have_their_own_words() -> None:
    nouns = [
        "private endpoint",
        "identity",
        "delivery of logs",
        "way out to a host",
        "set of rules",
    ]
    assert [counted(2, one) for one in nouns] == [
        "2 private endpoints",
        "2 identities",
        "2 deliveries of logs",
        "2 ways out to a host",
        "2 sets of rules",
    ]
    assert counted(1, "identity") == "1 identity"
