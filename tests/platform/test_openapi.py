"""Requests that fit the OpenAPI description, and some that don't, as every kind of caller.

schemathesis makes them up; whoever asks, nothing fails, and pricing learns nothing of operations.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from northstar.access.domain import PLATFORM, ROLES, Principal, check_role, principal_of
from northstar.connection import PLATFORM_AUDIENCE
from northstar.names import EndpointRef, ProjectRef, Scope
from tests.platform.web.world import WebWorld

FARES = ProjectRef("pricing", "fares")
MARKERS = ("alert(1)", "user:anna", "user:ben", "sha256:")
THEIRS = {
    "squad": "operations",
    "project": "late-arrival",
    "environment": "prod",
    "version": 1,
    "release": 1,
    "alert": 1,
    "job": 1,
    "assignment": 1,
    "elevation": 1,
    "principal": "user:anna",
}
few = settings(
    max_examples=4,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


class Callers:
    """A token of every role: in pricing, and of those who may see everything."""

    def __init__(self, world: WebWorld) -> None:
        self._access = world.platform.access
        find = self._access.directory.get
        endpoint = EndpointRef(FARES.squad, FARES.project, "prod")
        self._in_pricing = {
            role: self._user(f"p-{role}", role) for role in ROLES if role != "platform-admin"
        } | {
            "a run": find(self._access.run_identity(FARES).client_id),
            "an endpoint": find(self._access.endpoint_identity(endpoint).client_id),
        }
        self._everywhere = {"administrator": find("user:dora"), "owner": world.ben}

    @property
    def pricing(self) -> dict[str, str]:
        """New tokens: an administrator may just have withdrawn the keys that signed the last."""
        return {name: self._token(who) for name, who in self._in_pricing.items()}

    @property
    def wide(self) -> dict[str, str]:
        return {name: self._token(who) for name, who in self._everywhere.items()} | {"nobody": ""}

    def _user(self, name: str, role: str) -> Principal:
        who = self._access.directory.ensure(principal_of("user", name), ())
        self._access.directory.assign(who.id, check_role(role), Scope("pricing"), PLATFORM.id)
        return who

    def _token(self, who: Principal) -> str:
        return self._access.token_for(who, PLATFORM_AUDIENCE).access_token


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebWorld]:
    world = WebWorld(tmp_path_factory.mktemp("openapi"), weeks=3)
    yield world
    world.close()


def test_whatever_fits_the_description_neither_fails_nor_tells_other_squads(
    world: WebWorld,
) -> None:
    callers, seen, telling = Callers(world), Counter[int](), set[str]()
    # from the description itself: asking the application for it would start it, and MLflow with it
    schema = schemathesis.openapi.from_dict(world.app.openapi())
    client = TestClient(world.app)
    with start_blocking_portal() as portal:
        client.portal = portal  # one event loop for all requests, which starts nothing
        for operation in (found.ok() for found in schema.get_all_operations()):
            _try(operation, client, callers, seen, telling)
    assert sum(seen.values()) > 1500
    assert len(telling) >= 8, f"what is asked for would not have told anything: {telling}"
    assert not [status for status in seen if status >= 500]
    assert {200, 401, 403, 404, 422} <= set(seen)


def _try(
    operation: Any, client: TestClient, callers: Callers, seen: Counter[int], telling: set[str]
) -> None:
    wide, pricing = callers.wide, callers.pricing

    @seed(4)
    @few
    @given(case=operation.as_strategy(), aimed=st.booleans())
    def ask(case: Any, aimed: bool) -> None:
        for token in wide.values():
            seen[_send(client, case, token).status_code] += 1
        if aimed:
            known = {name: THEIRS[name] for name in case.path_parameters if name in THEIRS}
            case.path_parameters.update(known)
            if case.method == "GET" and MARKERS[0] in _send(client, case, wide["owner"]).text:
                telling.add(operation.label)
        for who, token in pricing.items():
            answer = _send(client, case, token)
            seen[answer.status_code] += 1
            asked = str(case.as_transport_kwargs())
            told = [marker for marker in MARKERS if marker in answer.text and marker not in asked]
            assert not told, (who, operation.label, answer.text[:500])

    ask()


def _send(client: TestClient, case: Any, token: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    wanted = case.as_transport_kwargs(base_url="http://testserver", headers=headers)
    if isinstance(wanted.get("data"), bytes | str):
        wanted["content"] = wanted.pop("data")
    wanted = {name: value for name, value in wanted.items() if value is not None}
    wanted.pop("cookies", None)
    return client.request(follow_redirects=False, **wanted)


def test_every_route_for_programs_is_described(world: WebWorld) -> None:
    described = world.app.openapi()["paths"]
    for path, method in _routes(world.app):
        if path.startswith(("/api/", "/oauth/", "/.well-known/")) and path != "/api/openapi.json":
            assert method.lower() in described[re.sub(r":\w+}", "}", path)], path


def test_nothing_answers_but_routes_that_declare_themselves_and_mlflows_door(
    world: WebWorld,
) -> None:
    others = [
        context.original_route
        for context in iter_route_contexts(world.app.routes)
        if not isinstance(context.original_route, APIRoute)
    ]
    assert [getattr(route, "path", "") for route in others] == ["/mlflow"]
    assert getattr(others[0], "app") is world.platform.mlflow_door  # noqa: B009 - a Mount's


def _routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    for context in iter_route_contexts(app.routes):
        for method in context.methods or ():
            if method != "HEAD":
                yield str(context.path), method
