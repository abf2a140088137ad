"""What a plan says to a reviewer: each leaf as JSON writes it, only secrets withheld."""

from __future__ import annotations

from typing import Any

import pytest

from northstar.environments.as_code.differences import differences
from tests.environments.as_code.plans import APP, SQUAD, entry, summary, text, written

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


def test_outputs_are_told_by_their_keys_and_never_as_json() -> None:
    change = entry(VAULT, None, None)["change"]
    there = {"a": {"id": "1"}, "b": {"id": "2"}, "c": {"id": "3"}}
    new = {**change, "after": {}, "after_unknown": {"x/y": True}}
    wanted = {"a": {"id": "1"}, "b": {}}
    unknown = {"b": {"id": True}, "d": True}
    outputs = {
        "urls": new,
        "ids": {**change, "actions": ["update"], "before": there, "after": wanted},
    }
    outputs["ids"]["after_unknown"] = unknown
    assert summary(output_changes=outputs).outputs == ("ids (adds d; removes c; changes b)", "urls")
    assert "Told to other configurations: ids (adds d; removes c; changes b) and urls" in text(
        output_changes=outputs
    )


ANEW = {"actions": ["delete", "create"]}
IDENTITY = "azurerm_user_assigned_identity.ci"


def test_what_is_made_anew_shows_nothing_that_the_provider_alone_sets() -> None:
    before = {"name": "a", "custom_dns_configs": [{"fqdn": "x"}], "identity": [identity("i", "p")]}
    after = {"name": "b", "identity": [identity("i", None)]}
    unknown = {"custom_dns_configs": True, "identity": [{"principal_id": True}]}
    said: dict[str, Any] = {"name": {}, "identity": [{"type": {}, "identity_ids": {}}]}
    one = entry("azurerm_private_endpoint.this", before, after, unknown=unknown, **ANEW)
    found = summary(one, **written(azurerm_private_endpoint__this=said))
    assert found.changes[0].summary == 'name: "a" -> "b"'
    assert len(found.doubts) == 1


def test_what_is_made_anew_shows_what_may_be_written_in_a_dynamic_block() -> None:
    unknown = {"identity": [{"identity_ids": True}], "ip_rule": True}
    before = {"identity": [identity("i", "p")], "ip_rule": [{"value": "1.2.3.4"}]}
    one = entry("azurerm_container_app.this", before, {"identity": [{}]}, unknown=unknown, **ANEW)
    found = summary(one, **written(azurerm_container_app__this={"name": {}}))
    assert [said.partition(": [")[0] for said in found.doubts] == [
        "Platform: container app: identity.identity_ids",
        "Platform: container app: ip_rule",
    ]


def test_the_role_of_an_identity_that_is_made_anew_is_the_same_role() -> None:
    found = anew({"references": [f"{IDENTITY}.principal_id", IDENTITY]})
    assert (found.openings, found.closings, found.doubts) == ((), (), ())
    assert found.changes[1].summary == ("principal_id: that of its identity ci, which is made anew")


def test_the_role_of_another_identity_is_told_although_both_are_made_anew() -> None:
    found = anew({"references": [f"{IDENTITY}.principal_id", IDENTITY, f"{IDENTITY}2.id"]})
    assert len(found.rights) == 1


def test_what_differs_alike_is_told_once() -> None:
    def tier(name: str, squad: str) -> Any:
        address = f'{SQUAD.replace("operations", squad)}azurerm_storage_account.this["{name}"]'
        return entry(address, {"access": "a"}, {"access": "b"})

    said = text(*(tier(name, squad) for squad in ("operations", "cargo") for name in "xy"))
    assert (
        'Squads cargo and operations, changed, each: 2 storage accounts (access: "a" -> "b")'
        in said
    )
    assert '4 resources: access: "a" -> "b" (of Squad operations: storage account x;' in said


def identity(one: str, principal: str | None) -> dict[str, Any]:
    return {"type": "UserAssigned", "identity_ids": [one], "principal_id": principal}


def anew(principal: dict[str, Any]) -> Any:
    """A plan that makes an identity anew, and with it a role that is written so."""
    there = {"id": "/ci", "principal_id": "p", "location": "a"}
    other = {"id": "/ci2", "principal_id": "p2"}
    unknown = {"id": True, "principal_id": True}
    had = {"principal_id": "p", "role_definition_name": "Reader", "scope": "/s"}
    has = {"role_definition_name": "Reader", "scope": "/s"}
    return summary(
        entry(IDENTITY, there, {"location": "a"}, unknown=unknown, **ANEW),
        entry("azurerm_role_assignment.ci", had, has, unknown={"principal_id": True}, **ANEW),
        entry(f"{IDENTITY}2", other, other, actions=["no-op"]),
        **written(
            azurerm_user_assigned_identity__ci={},
            azurerm_user_assigned_identity__ci2={},
            azurerm_role_assignment__ci={"principal_id": principal},
        ),
    )
