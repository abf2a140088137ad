"""The assembled control plane: every route declares what it asks of its caller."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from northstar.access.guard import declarations
from northstar.isolation.settings import IsolationSettings
from northstar.platform.app import create_app
from northstar.platform.settings import Settings
from northstar.platform.wiring import build

PUBLIC = {
    "/api/openapi.json",
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/healthz",
    "/oauth/token",
    "/readyz",
    "/sign-in",
    "/static/{name}",
}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    state = tmp_path / "state"
    state.mkdir()
    platform = build(Settings.embedded(state, "127.0.0.1", 1))
    yield create_app(platform)
    platform.close()


def test_whether_squads_code_is_kept_apart_is_shown(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    settings = Settings.embedded(state, "127.0.0.1", 1)
    for isolation, shown in ((None, "own machine"), (IsolationSettings(), "refused")):
        platform = build(replace(settings, isolation=isolation))
        client = TestClient(create_app(platform))
        assert client.get("/readyz").json()["jobs"] == shown
        platform.close()


def test_every_route_declares_its_action(app: FastAPI) -> None:
    declared = declarations(app)
    assert len(declared) > 50
    assert [route for route, found in declared.items() if not found] == []


def test_nothing_is_public_but_what_has_to_be(app: FastAPI) -> None:
    public = {
        path
        for (_, path), found in declarations(app).items()
        if any(one.public_because for one in found)
    }
    assert public == PUBLIC
