"""The table in docs/reference/access.md, held against the platform over HTTP.

Every route that names its scope in its path is asked, and for the rest one route of every action:
by every role, in the own squad and in another, in each environment. A request that the guard lets
through may well fail later, for want of a body or of what it is about; only 401, 403 and what a
route says where it hides are denials.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI

from northstar.access.decisions import PolicyBook
from northstar.access.domain import (
    PEOPLE_ROLES,
    PLATFORM,
    Principal,
    RoleAssignment,
    RoleName,
    check_role,
    principal_of,
)
from northstar.access.guard import declarations
from northstar.access.mlflow.routes import ACTIONS
from northstar.clock import FakeClock
from northstar.connection import PLATFORM_AUDIENCE
from northstar.names import ENVIRONMENTS, EnvironmentName, Scope
from northstar.platform.app import create_app
from northstar.platform.settings import Settings
from northstar.platform.wiring import Platform, build
from northstar.project.squads import Project, Squad
from northstar.project.store import ProjectStore

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "access.md"
OWN, OTHER, PROJECT = "operations", "pricing", "late-arrival"
OF_THE_PLATFORM: tuple[RoleName, ...] = (
    "platform-admin",
    "infrastructure-reporter",
    "metrics-reader",
)
Cells = dict[RoleName, str]


def table() -> dict[str, Cells]:
    """The rows of "Who may do what": action → role → all, ✓, dev or –."""
    section = PAGE.read_text().partition("## Who may do what")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    roles = [check_role(name) for name in header[1:]]
    return {row[0].strip("`"): dict(zip(roles, row[1:], strict=True)) for row in rows}


TABLE = table()
ROLES = list(TABLE["self:read"])


def expected(action: str, role: RoleName, scope: Scope) -> bool:
    """What the table says; the role was given in the own squad, one for all of them in ``/``."""
    cell = TABLE[action][role]
    if cell == "all" or (cell == "✓" and role in OF_THE_PLATFORM):
        return True
    here = scope.squad == OWN
    return here and (cell == "✓" or (cell == "dev" and scope.environment == "dev"))


@dataclass
class World:
    platform: Platform
    app: FastAPI
    url: str
    http: httpx2.Client
    headers: dict[RoleName, dict[str, str]] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)  # by squad, rejected already

    def send(self, role: RoleName, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {**self.headers[role], **options.pop("headers", {})}
        return self.http.request(method, self.url + path, headers=headers, **options)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    state = tmp_path_factory.mktemp("state")
    platform = build(Settings.embedded(state, "127.0.0.1", 1))
    app = create_app(platform)
    with socket.create_server(("127.0.0.1", 0)) as listener, httpx2.Client(timeout=30) as http:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        made = World(platform, app, f"http://127.0.0.1:{listener.getsockname()[1]}", http)
        _furnish(made)
        yield made
        server.should_exit = True
        thread.join(10)
    platform.close()


def _furnish(world: World) -> None:
    directory, now = world.platform.access.directory, FakeClock().now()
    squads = ProjectStore(world.platform.database)
    asker = _person(world, "target")
    for squad in (OWN, OTHER):
        squads.add_squad(Squad(name=squad, description="", created_by="x", created_at=now))
        project = {"squad": squad, "name": PROJECT, "description": "", "created_by": "x"}
        squads.add_project(Project(**project, created_at=now))
        directory.create("service", f"{squad}/ci", PLATFORM.id, with_secret=False)
        service = world.platform.elevations
        wanted = service.request(asker, "reader", Scope(squad), "to see", timedelta(hours=1))
        world.requests[squad] = service.reject(PLATFORM, wanted.id, "no").id
        directory.assign(asker.id, "invoker", Scope(squad), PLATFORM.id)
    for role in ROLES:
        who = _person(world, role)
        given_in = Scope() if role in OF_THE_PLATFORM else Scope(OWN)
        directory.assign(who.id, role, given_in, PLATFORM.id)
        token = world.platform.access.token_for(who, PLATFORM_AUDIENCE).access_token
        world.headers[role] = {"Authorization": f"Bearer {token}"}


def _person(world: World, name: str) -> Principal:
    return world.platform.access.directory.ensure(principal_of("user", name), ())


def test_the_table_is_of_the_actions_and_the_roles_that_there_are(world: World) -> None:
    book = PolicyBook()
    declared = {one.action for found in declarations(world.app).values() for one in found}
    assert sorted(TABLE) == sorted(book.schema.actions)
    assert sorted(ROLES) == sorted(PEOPLE_ROLES)
    assert (declared | set(ACTIONS.values())) - {""} <= set(TABLE)
    assert {cell for row in TABLE.values() for cell in row.values()} == {"all", "✓", "dev", "–"}


@pytest.mark.parametrize("role", ROLES)
def test_the_policies_decide_as_the_table_says(role: RoleName) -> None:
    book, who = PolicyBook(), "user:anna"
    held = RoleAssignment(
        id=1,
        principal=who,
        role=role,
        scope="/" if role in OF_THE_PLATFORM else f"/{OWN}",
        expires_at=None,
        assigned_by=PLATFORM.id,
        assigned_at=FakeClock().now(),
    )
    rights = book.rights([held])
    for action in TABLE:
        for scope in _scopes():
            allowed = rights.decide(who, action, scope, {}).allowed
            assert allowed == expected(action, role, scope), (action, scope)


@pytest.mark.parametrize("role", ROLES)
def test_every_route_that_names_its_scope_admits_whom_the_table_says(
    world: World, role: RoleName
) -> None:
    asked = 0
    for (method, path), found in declarations(world.app).items():
        if not all(one.in_path for one in found):
            continue
        for scope in _scopes_of(path):
            answer = world.send(role, method, _address(path, scope))
            admitted = all(expected(one.action, role, scope) for one in found)
            told = (method, path, str(scope), answer.status_code, answer.text[:200])
            assert answer.status_code != 401, told
            assert (answer.status_code != 403) == admitted, told
            asked += 1
    assert asked > 150


Ask = Callable[[World, RoleName, Scope], bool]  # whether the role got through


def _answers(status: int, method: str, path: str, **options: Any) -> Ask:
    """A request in the squad that answers ``status`` to who is let through, 403 to others."""

    def ask(world: World, role: RoleName, scope: Scope) -> bool:
        values = {"scope": str(scope), "squad": scope.squad, "request": world.requests[OWN]}
        if scope.squad:
            values["request"] = world.requests[scope.squad]
        filled = _filled(options, values)
        answer = world.send(role, method, path.format(**values), **filled)
        hidden = path.startswith("/api/elevations") and answer.status_code == 404
        told = (method, path, str(scope), role, answer.status_code, answer.text[:300])
        assert hidden or answer.status_code in (status, 403), told
        return answer.status_code == status

    return ask


def _shows(path: str, of_squad: Callable[[Any, str], bool]) -> Ask:
    """A list that leaves out what may not be read."""

    def ask(world: World, role: RoleName, scope: Scope) -> bool:
        answer = world.send(role, "GET", path.format(squad=scope.squad))
        assert answer.status_code == 200, answer.text
        return any(of_squad(one, str(scope.squad)) for one in answer.json())

    return ask


def _revokes(world: World, role: RoleName, scope: Scope) -> bool:
    directory = world.platform.access.directory
    held = directory.assign("user:target", "approver", scope, PLATFORM.id)
    return _answers(204, "DELETE", f"/api/role-assignments/{held.id}")(world, role, scope)


def _lifts_a_freeze(world: World, role: RoleName, scope: Scope) -> bool:
    now = datetime.now(UTC)
    held = world.platform.freezes.set(
        "prod", scope.squad, "Peak", None, now + timedelta(hours=1), PLATFORM
    )
    return _answers(204, "DELETE", f"/api/freezes/{held.id}")(world, role, scope)


def _makes_a_service(world: World, role: RoleName, scope: Scope) -> bool:
    named = {"kind": "service", "name": f"{scope.squad}/of-{role}", "secret": False}
    return _answers(201, "POST", "/api/principals", json=named)(world, role, scope)


def _approves(world: World, role: RoleName, scope: Scope) -> bool:
    squad, project, environment = str(scope).strip("/").split("/")
    place = f"/api/squads/{squad}/projects/{project}/environments/{environment}"
    return _answers(404, "POST", f"{place}/releases/1/approve", json={})(world, role, scope)


def _reads_a_role(world: World, role: RoleName, scope: Scope) -> bool:
    held = world.platform.access.directory.assign("user:target", "approver", scope, PLATFORM.id)
    answer = world.send(role, "GET", f"/api/role-assignments/{held.id}")
    assert answer.status_code in (200, 404), answer.text
    return answer.status_code == 200


def _asks_for_a_role(world: World, role: RoleName, scope: Scope) -> bool:
    wish = {"role": "invoker", "scope": str(scope), "reason": "to see"}
    answer = world.send(role, "POST", "/api/elevations", json=wish)
    return answer.status_code in (201, 409)  # 409: it is held, or waits, already


def _invokes(world: World, role: RoleName, scope: Scope) -> bool:
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": world.headers[role]["Authorization"].removeprefix("Bearer "),
        "audience": str(scope).removeprefix("/"),
    }
    answer = world.http.post(world.url + "/oauth/token", data=form)
    assert answer.status_code in (200, 403), answer.text
    return answer.status_code == 200


def _mlflow(method: str, path: str, body: Any = None) -> Ask:
    # MLflow itself is not started: behind the door it says 503
    workspace = {"X-MLFLOW-WORKSPACE": "{squad}"}
    return _answers(503, method, f"/mlflow/api/{path}", json=body, headers=workspace)


def _is_the_targets(one: Any, squad: str) -> bool:
    return bool(one["principal"] == "user:target" and one["scope"] == f"/{squad}")


def _is_its_service(one: Any, squad: str) -> bool:
    return bool(one["id"] == f"service:{squad}/ci")


def _is_of_the_squad(one: Any, squad: str) -> bool:
    return bool(one["squad"] == squad)


_EXPLAIN = "/api/access/explanation?principal=user:target&action=squad:read&resource={scope}"
_HOLDERS = "/api/access/holders?action=squad:read&resource={scope}"
_NO = {"reason": "no"}
_GIVE = {"principal": "user:target", "role": "reader", "scope": "{scope}"}
_FREEZE = {
    "environment": "prod",
    "squad": "{squad}",
    "reason": "Peak",
    "starts_at": "2100-01-01T00:00:00Z",
    "ends_at": "2100-01-02T00:00:00Z",
}
_ALIAS = {"name": "x", "alias": "champion", "version": "1"}
_REQUEST = "/api/elevations/{request}"

# action, where it is asked, how
ASKED: list[tuple[str, str, Ask]] = [
    ("self:read", "platform", _answers(200, "GET", "/api/me")),
    ("session:create", "platform", _answers(201, "POST", "/api/sign-in-links", json={})),
    ("elevation:request", "squad", _asks_for_a_role),
    ("elevation:decide", "squad", _answers(409, "POST", f"{_REQUEST}/approve", json={})),
    ("elevation:decide", "squad", _answers(409, "POST", f"{_REQUEST}/reject", json=_NO)),
    ("role:assign", "squad", _answers(409, "POST", f"{_REQUEST}/end")),
    ("role:read", "squad", _answers(200, "GET", _REQUEST)),
    ("role:read", "squad", _shows("/api/elevations", _is_the_targets)),
    ("role:read", "squad", _shows("/api/role-assignments?principal=user:target", _is_the_targets)),
    ("role:read", "squad", _answers(200, "GET", _HOLDERS)),
    ("role:read", "squad", _answers(200, "GET", _EXPLAIN)),
    ("role:read", "squad", _reads_a_role),
    ("role:assign", "squad", _answers(201, "POST", "/api/role-assignments", json=_GIVE)),
    ("role:assign", "squad", _revokes),
    ("freeze:manage", "squad", _answers(201, "POST", "/api/freezes", json=_FREEZE)),
    ("freeze:manage", "squad", _lifts_a_freeze),
    ("squad:read", "squad", _shows("/api/squads", lambda one, squad: one["name"] == squad)),
    ("project:read", "squad", _shows("/api/squads/{squad}/projects", _is_of_the_squad)),
    ("audit:read", "squad", _answers(200, "GET", "/api/audit?scope={scope}")),
    ("principal:create", "platform", _answers(201, "POST", "/api/principals/user:target/secrets")),
    ("principal:create", "squad", _makes_a_service),
    ("principal:read", "platform", _answers(200, "GET", "/api/principals/user:target")),
    ("principal:read", "squad", _shows("/api/principals", _is_its_service)),
    ("principal:delete", "platform", _answers(404, "DELETE", "/api/principals/user:nobody")),
    ("principal:delete", "squad", _answers(404, "DELETE", "/api/principals/service:{squad}/no")),
    ("release:approve", "endpoint", _approves),
    ("endpoint:invoke", "endpoint", _invokes),
    ("mlflow:read", "squad", _mlflow("GET", "2.0/mlflow/runs/get?run_id=x")),
    ("mlflow:write", "squad", _mlflow("POST", "2.0/mlflow/experiments/create", {"name": "x"})),
    ("mlflow:manage", "squad", _mlflow("POST", "2.0/mlflow/experiments/restore")),
    ("mlflow:promote", "squad", _mlflow("POST", "2.0/mlflow/registered-models/alias", _ALIAS)),
    ("mlflow:provision", "squad", _mlflow("POST", "3.0/mlflow/workspaces", {"name": "{squad}"})),
]


def test_no_action_is_left_out(world: World) -> None:
    in_paths = {
        one.action
        for found in declarations(world.app).values()
        for one in found
        if all(other.in_path for other in found)
    }
    assert in_paths | {action for action, _, _ in ASKED} == set(TABLE)


@pytest.mark.parametrize("role", ROLES)
def test_routes_that_find_their_scope_admit_whom_the_table_says(
    world: World, role: RoleName
) -> None:
    for number, (action, where, ask) in enumerate(ASKED):
        for scope in _scopes_at(where):
            assert ask(world, role, scope) == expected(action, role, scope), (number, action, scope)


def _scopes() -> list[Scope]:
    squads = [scope for squad in (OWN, OTHER) for scope in (Scope(squad), Scope(squad, PROJECT))]
    return [Scope(), *squads, *_scopes_at("endpoint")]


def _scopes_at(where: str) -> list[Scope]:
    if where == "platform":
        return [Scope()]
    if where == "squad":
        return [Scope(OWN), Scope(OTHER)]
    return [Scope(squad, PROJECT, env) for squad in (OWN, OTHER) for env in ENVIRONMENTS]


def _scopes_of(path: str) -> list[Scope]:
    if "{environment}" in path:
        return _scopes_at("endpoint")
    if "{project}" in path:
        return [Scope(OWN, PROJECT), Scope(OTHER, PROJECT)]
    return _scopes_at("squad" if "{squad}" in path else "platform")


def _address(path: str, scope: Scope) -> str:
    known: dict[str, str | EnvironmentName | None] = {
        "squad": scope.squad,
        "project": scope.project,
        "environment": scope.environment,
    }
    return re.sub(r"{(\w+)(?::path)?}", lambda name: known.get(name[1]) or "999999", path)


def _filled(options: Any, values: dict[str, Any]) -> Any:
    if isinstance(options, dict):
        return {name: _filled(value, values) for name, value in options.items()}
    return options.format(**values) if isinstance(options, str) else options
