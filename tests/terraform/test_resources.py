"""The table of resources, held to the description that the API gives of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from northstar.platform.app import create_app
from northstar.platform.settings import Settings
from northstar.platform.wiring import build
from northstar.terraform.resources import KINDS, Kind

_BRACES = re.compile(r"\{\w+\}")
RESOURCES = [kind for kind in KINDS if kind.collection]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    platform = build(Settings.embedded(tmp_path_factory.mktemp("state"), "127.0.0.1", 1))
    yield create_app(platform).openapi()
    platform.close()


def route(api: dict[str, Any], method: str, path: str) -> dict[str, Any] | None:
    """The description of the route that a path like ours is answered by."""
    asked = _BRACES.sub("1", path)
    for template, methods in api["paths"].items():
        if re.fullmatch(_BRACES.sub("[^/]+", template), asked) and method in methods:
            return dict(methods[method])
    return None


def model(api: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    name = described["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return {"title": name, **api["components"]["schemas"][name]}


def sent(kind: Kind) -> set[str]:
    in_path = set(re.findall(r"\{(\w+)\}", kind.collection))
    chosen = {one.name for one in kind.choices}
    return (set(kind.writes) - in_path) | chosen | set(kind.fixed)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_object_is_read_where_the_api_shows_it(api: dict[str, Any], kind: Kind) -> None:
    shown = route(api, "get", kind.item)
    assert shown, kind.item
    assert model(api, shown["responses"]["200"])["title"] == kind.model.__name__


@pytest.mark.parametrize("kind", RESOURCES, ids=lambda kind: kind.name)
def test_what_is_sent_to_make_one_is_what_the_api_takes(api: dict[str, Any], kind: Kind) -> None:
    made = route(api, "put" if kind.is_always_there else "post", kind.collection)
    assert made, kind.collection
    taken = model(api, made["requestBody"])
    assert sent(kind) == set(taken["properties"])
    answer = model(api, made["responses"]["200" if kind.is_always_there else "201"])
    computed = {one.name for one in kind.attributes if one.mode == "computed"}
    renamed = {kind.answers.get(name, name) for name in computed}
    assert renamed <= set(answer["properties"])


@pytest.mark.parametrize("kind", RESOURCES, ids=lambda kind: kind.name)
def test_what_is_changed_in_place_is_what_the_api_changes(api: dict[str, Any], kind: Kind) -> None:
    changed = None if kind.is_always_there else route(api, "patch", kind.item)
    taken = set(model(api, changed["requestBody"])["properties"]) if changed else set()
    assert taken == (set() if kind.is_always_there else set(kind.updates))


@pytest.mark.parametrize("kind", RESOURCES, ids=lambda kind: kind.name)
def test_what_the_api_removes_is_destroyed_and_nothing_else(
    api: dict[str, Any], kind: Kind
) -> None:
    assert bool(route(api, "delete", kind.item)) == (not kind.kept)


def test_every_room_of_today_is_there() -> None:
    assert {kind.name for kind in KINDS} == {
        "endpoint",
        "environment",
        "federated_trust",
        "project",
        "release_freeze",
        "role_assignment",
        "service_principal",
        "squad",
        "standards_parameters",
    }


def test_what_can_be_configured_is_not_a_secret() -> None:
    for kind in KINDS:
        secret = [one for one in kind.attributes if one.sensitive]
        assert {one.name for one in secret} == set(kind.secrets)
        assert all(one.mode == "computed" for one in secret)
        assert not any(one.sensitive for one in kind.looked_up)
