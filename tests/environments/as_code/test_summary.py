"""What a plan says to a reviewer: each leaf as JSON writes it, only secrets withheld."""

from __future__ import annotations

from typing import Any

import pytest

from northstar.environments.as_code.differences import differences
from tests.environments.as_code.plans import APP, entry, summary

VAULT = "module.vault.azurerm_key_vault.this"


def told(before: Any, after: Any, **more: Any) -> list[str]:
    change = entry(VAULT, before, after, **more)["change"]
    return [str(one) for one in differences(change)]


def app(image: str, **settings: str) -> dict[str, Any]:
    env = [{"name": name, "value": value} for name, value in settings.items()]
    return {"template": [{"container": [{"image": image, "env": env}]}], "secret": [{"value": "x"}]}


def test_an_image_is_shown_though_its_app_has_secrets() -> None:
    found = summary(entry(APP, app("a:1"), app("a:2"), secret={"secret": True, "template": [{}]}))
    assert found.changes[0].summary == 'template.container[0].image: "a:1" -> "a:2"'


def test_only_what_is_marked_as_a_secret_is_withheld() -> None:
    secret = {"settings": [{"env": [{"value": True}, {}]}]}
    before = {"settings": [{"env": [{"name": "A", "value": "old"}, {"name": "B", "value": "b"}]}]}
    after = {"settings": [{"env": [{"name": "A", "value": "new"}, {"name": "B", "value": "c"}]}]}
    assert told(before, after, secret=secret) == [
        'settings.env["A"].value: (a secret) -> (another secret)',
        'settings.env["B"].value: "b" -> "c"',
    ]


def test_a_secret_in_something_new_is_withheld_too() -> None:
    after = {"user": {"name": "n", "password": "hidden"}}
    said = told({"user": None}, after, secret={"user": {"password": True}})
    assert said == ['user: null -> {"name": "n", "password": "(a secret)"}']


def test_an_element_is_followed_by_its_name_and_not_by_its_place() -> None:
    said = told(app("a", A="1", B="2"), app("a", B="3", A="1"))
    assert said == ['template.container[0].env["B"].value: "2" -> "3"']


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (True, False, "true -> false"),
        (None, 5, "null -> 5"),
        (["a", "b"], ["b", "c"], 'adds "c", removes "a"'),
        (["a", "b"], ["b", "a"], '["a", "b"] -> ["b", "a"]'),
        ([], list("abcdefghi"), 'adds "a", "b", "c", "d", "e", "f" and 3 more'),
        ("a\x1b[2K", "b\u202e", '"a\\u001b[2K" -> "b\\u202e"'),
        ("x" * 300 + "a", "x" * 300 + "b", '"…xxxxxxxxxxxxa" -> "…xxxxxxxxxxxxb"'),
    ],
)
def test_values_are_written_as_json_writes_them(before: Any, after: Any, said: str) -> None:
    assert told({"v": before}, {"v": after}) == [f"v: {said}"]


def test_nothing_and_empty_are_the_same() -> None:
    assert told({"a": None, "b": []}, {"a": [], "b": None}) == []


def test_what_is_not_known_before_the_apply_is_said() -> None:
    said = told({"a": "1", "b": [{"c": 1}]}, {"b": [{}]}, unknown={"a": True, "b": [{"c": True}]})
    assert said == [
        'a: "1" -> (not known before apply)',
        "b.c: 1 -> (not known before apply)",
    ]


def test_an_action_that_nobody_heard_of_counts_as_a_change() -> None:
    assert summary(entry(VAULT, {}, {}, actions=["transmute"])).counts()["change"] == 1


def test_what_a_replacement_loses_is_told_with_what_it_holds() -> None:
    found = summary(entry(VAULT, {"name": "a"}, {"name": "b"}, actions=["delete", "create"]))
    assert found.lost[0].what == "Platform's vault: vault"
    assert found.lost[0].data.startswith("secrets")


def test_outputs_that_change_are_named() -> None:
    change = entry(VAULT, None, None)["change"]
    outputs = {
        "url": {**change, "actions": ["update"], "before": "a", "after": "b"},
        "old": {**change, "actions": ["delete"], "before": "a", "after": None},
        "same": {**change, "actions": ["no-op"], "before": "a", "after": "a"},
    }
    assert summary(output_changes=outputs).outputs == ("old (no longer)", 'url ("a" -> "b")')
