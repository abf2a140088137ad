"""What takes effect is recorded, or it takes no effect: over HTTP, with an audit that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI
from sqlalchemy import select
from starlette.testclient import TestClient

from northstar.access import api, store
from northstar.access.credentials import store as credential_store
from northstar.access.credentials.domain import Trust
from northstar.access.domain import PLATFORM, AuditQuery, Principal
from northstar.access.elevation import api as elevation_api
from northstar.access.elevation.service import ElevationService
from northstar.access.elevation.store import elevations
from northstar.access.guard import declarations
from northstar.access.sessions import COOKIE, CSRF_HEADER, csrf_token, fingerprint
from northstar.access.sign_in import api as sign_in_api
from northstar.access.sign_in.domain import SignInSettings
from northstar.access.sign_in.service import SignIn
from northstar.access.sign_in.store import accounts
from northstar.access.testing import AccessBench
from northstar.names import EndpointRef, ProjectRef, Scope
from tests.access.credentials.test_certificates import certificate_of
from tests.failing_audit import failing_audit

_TABLES = [*store.TABLES, *credential_store.TABLES, elevations, accounts]
_UNSEEN = {"access_audit", "access_keys"}  # keys: the first is made when one is needed


class World:
    def __init__(self, folder: Path) -> None:
        self.bench = bench = AccessBench(folder)
        self.access = bench.access
        self.elevations = ElevationService(bench.database, bench.clock, self.access)
        settings = SignInSettings("https://id.example", "northstar")
        sign_in = SignIn(self.access, bench.clock, settings)
        self.app: FastAPI = bench.app(
            api.router(self.access, bench.guard),
            elevation_api.router(self.elevations, bench.guard),
            sign_in_api.router(self.access, sign_in, bench.guard),
        )
        self.client = TestClient(self.app, raise_server_exceptions=False, follow_redirects=False)
        self.headers = bench.headers()
        self.anna, self.otto = bench.principal("anna"), bench.principal("otto")
        self.bench.principal("otto", "squad-owner", "/operations")

    def send(self, method: str, path: str, body: Any = None, who: str = "admin") -> int:
        headers = self.headers if who == "admin" else self.bench.headers(who, "")
        return self.client.request(method, path, json=body, headers=headers).status_code

    def asked(self, who: Principal | None = None) -> int:
        span = timedelta(hours=1)
        wanted = (who or self.anna, "operator", Scope("operations"), "an incident", span)
        return self.elevations.request(*wanted).id

    def held(self) -> str:
        """Everything that is kept, but for the audit."""
        with self.bench.database.read() as connection:
            rows = {
                table.name: sorted(map(str, connection.execute(select(table)).all()))
                for table in _TABLES
                if table.name not in _UNSEEN
            }
        return repr(rows)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.bench.database.close()


Case = Callable[[World], Callable[[], int]]


def _sends(method: str, path: str, body: Any = None, who: str = "admin") -> Case:
    return lambda world: lambda: world.send(method, path, body, who)


def _of_ci(make: Callable[[World], object], method: str, path: str, body: Any = None) -> Case:
    def prepare(world: World) -> Callable[[], int]:
        world.access.directory.create("service", "ci", by="test")
        make(world)
        return lambda: world.send(method, f"/api/principals/service:ci/{path}", body)

    return prepare


def _takes_a_role(world: World) -> Callable[[], int]:
    held = world.access.directory.assign(world.anna.id, "reader", Scope(), by="test")
    return lambda: world.send("DELETE", f"/api/role-assignments/{held.id}")


def _decides(move: str, who: str = "otto") -> Case:
    def prepare(world: World) -> Callable[[], int]:
        number = world.asked()
        path = f"/api/elevations/{number}/{move}"
        return lambda: world.send("POST", path, {"reason": "well"}, who)

    return prepare


def _ends(world: World) -> Callable[[], int]:
    number = world.elevations.approve(world.otto, world.asked()).id
    return lambda: world.send("POST", f"/api/elevations/{number}/end", None, "anna")


def _signs_in(world: World) -> Callable[[], int]:
    path = world.access.sign_in_link("anna").removeprefix("http://northstar.test")
    return lambda: world.client.get(path).status_code


def _signs_out(world: World) -> Callable[[], int]:
    cookie = world.bench.session(world.anna.id)
    world.client.cookies.set(COOKIE, cookie)
    return lambda: (
        world.client.post("/sign-out", headers={CSRF_HEADER: csrf_token(cookie)}).status_code
    )


def _nothing(_world: World) -> None:
    pass


def _add_trust(world: World) -> None:
    trust = Trust(issuer="https://id.example", audience="a", subject="repo:x")
    world.access.credentials.add_trust("service:ci", trust, by="test")


_GIVE = {"principal": "user:anna", "role": "reader", "scope": "/operations"}
_WISH = {"role": "operator", "scope": "/operations", "reason": "an incident"}
_TRUST = {"issuer": "https://id.example", "audience": "a", "subject": "repo:x"}
_PEM = certificate_of(ec.generate_private_key(ec.SECP256R1()))

# what is recorded, the route, and what sends the request
CASES: list[tuple[str, tuple[str, str], Case]] = [
    (
        "principal:create",
        ("POST", "/api/principals"),
        _sends("POST", "/api/principals", {"kind": "service", "name": "new"}),
    ),
    (
        "principal:delete",
        ("DELETE", "/api/principals/{principal:path}"),
        _sends("DELETE", "/api/principals/user:anna"),
    ),
    (
        "principal:secret",
        ("POST", "/api/principals/{principal:path}/secrets"),
        _of_ci(_nothing, "POST", "secrets", {"older_end_after_hours": 1}),
    ),
    (
        "principal:certificate",
        ("POST", "/api/principals/{principal:path}/certificates"),
        _of_ci(_nothing, "POST", "certificates", {"pem": _PEM}),
    ),
    (
        "principal:trust",
        ("POST", "/api/principals/{principal:path}/trusts"),
        _of_ci(_nothing, "POST", "trusts", _TRUST),
    ),
    (
        "principal:trust",
        ("PATCH", "/api/principals/{principal:path}/credentials/trust/{number:int}"),
        _of_ci(_add_trust, "PATCH", "credentials/trust/1", {**_TRUST, "subject": "repo:y"}),
    ),
    (
        "principal:withdraw",
        ("DELETE", "/api/principals/{principal:path}/credentials/{kind}/{number:int}"),
        _of_ci(_add_trust, "DELETE", "credentials/trust/1"),
    ),
    (
        "principal:revoke",
        ("POST", "/api/principals/{principal:path}/revocation"),
        _of_ci(_nothing, "POST", "revocation"),
    ),
    (
        "principal:link",
        ("POST", "/api/principals/{principal:path}/accounts"),
        _sends("POST", "/api/principals/user:anna/accounts", {"subject": "0d7f"}),
    ),
    (
        "role:assign",
        ("POST", "/api/role-assignments"),
        _sends("POST", "/api/role-assignments", _GIVE),
    ),
    ("role:revoke", ("DELETE", "/api/role-assignments/{assignment}"), _takes_a_role),
    (
        "elevation:request",
        ("POST", "/api/elevations"),
        _sends("POST", "/api/elevations", _WISH, "anna"),
    ),
    ("elevation:approve", ("POST", "/api/elevations/{elevation}/approve"), _decides("approve")),
    ("elevation:reject", ("POST", "/api/elevations/{elevation}/reject"), _decides("reject")),
    (
        "elevation:withdraw",
        ("POST", "/api/elevations/{elevation}/withdraw"),
        _decides("withdraw", "anna"),
    ),
    ("elevation:end", ("POST", "/api/elevations/{elevation}/end"), _ends),
    ("session:create", ("POST", "/api/sign-in-links"), _sends("POST", "/api/sign-in-links", {})),
    ("session:start", ("GET", "/sign-in"), _signs_in),
    ("session:end", ("POST", "/sign-out"), _signs_out),
    ("key:rotate", ("POST", "/api/signing-keys"), _sends("POST", "/api/signing-keys", {})),
]


@pytest.mark.parametrize(
    ("action", "route", "case"), CASES, ids=[f"{case[0]} by {case[1][0]}" for case in CASES]
)
def test_what_is_not_recorded_does_not_take_effect(
    world: World, action: str, route: tuple[str, str], case: Case
) -> None:
    send = case(world)
    keys, before = world.access.tokens.keys.jwks(), world.held()
    with failing_audit(world.bench.database):
        assert send() >= 400, route
    assert (world.held(), world.access.tokens.keys.jwks()) == (before, keys)
    assert send() in (200, 201, 204, 303)
    told = world.access.audit.entries(AuditQuery(action=action, limit=1))[0]
    assert told.outcome == "done"
    assert world.access.audit.verify().intact


def test_no_route_that_changes_something_is_left_out(world: World) -> None:
    changing = {route for route in declarations(world.app) if route[0] != "GET"}
    changing -= {("POST", "/oauth/token")}  # it keeps nothing but that a proof was used
    assert changing <= {route for _, route, _ in CASES}


def test_what_records_nothing_changes_nothing(world: World) -> None:
    before = world.held()
    with world.access.directory.change() as change:
        store.add_principal(change.connection, PLATFORM, "test", world.bench.clock.now())
    assert world.held() == before


def test_what_the_platform_gives_to_processes_is_recorded(world: World) -> None:
    project = ProjectRef("operations", "late-arrival")
    world.access.run_identity(project)
    world.access.endpoint_identity(EndpointRef("operations", "late-arrival", "prod"))
    told = {
        (entry.detail["principal"], entry.detail.get("role") or entry.detail.get("label"))
        for entry in world.access.audit.entries(AuditQuery(principal=PLATFORM.id))
        if entry.detail["principal"].startswith("managed:")
    }
    run, process = f"managed:run/{project}", f"managed:endpoint/{project}/prod"
    assert told == {
        (run, None),
        (run, "run"),
        (run, "workspace-writer"),
        (process, None),
        (process, "endpoint-runtime"),
        (process, "process"),
    }
    secrets = world.access.audit.entries(AuditQuery(action="principal:secret"))
    assert [one.detail["credential"] for one in secrets] == ["secret 2", "secret 1"]


def test_a_rotation_says_which_keys_it_withdrew(world: World) -> None:
    (old,) = world.access.tokens.keys.jwks()["keys"]
    world.send("POST", "/api/signing-keys", {"at_once": True})
    told = world.access.audit.entries(AuditQuery(action="key:rotate"))[0]
    (new,) = world.access.tokens.keys.jwks()["keys"]
    assert (told.principal, told.detail) == (
        "user:admin",
        {"key": new["kid"], "withdrawn": [old["kid"]]},
    )


def test_a_role_is_recorded_with_what_allowed_it(world: World) -> None:
    world.send("POST", "/api/role-assignments", _GIVE)
    number = world.asked()
    world.send("POST", f"/api/elevations/{number}/approve", {"reason": "well"}, "otto")
    (given,) = world.access.audit.entries(AuditQuery(action="role:assign", principal="user:admin"))
    (approved,) = world.access.audit.entries(AuditQuery(action="elevation:approve"))
    assert given.detail["policies"] == ["platform-admin"]
    assert (approved.principal, approved.detail["policies"]) == ("user:otto", ["squad-owner"])


def test_principals_and_links_are_recorded_by_name_and_without_what_is_secret(world: World) -> None:
    made = world.client.post(
        "/api/principals", json={"kind": "service", "name": "new"}, headers=world.headers
    ).json()
    world.send("DELETE", "/api/principals/service:new")
    body = {"principal": "user:anna"}
    link = world.client.post("/api/sign-in-links", json=body, headers=world.headers).json()["url"]
    code = link.partition("code=")[2]
    world.client.get(link.removeprefix("http://northstar.test"))

    def told(action: str) -> tuple[str, Any]:
        found = world.access.audit.entries(AuditQuery(action=action, principal="user:admin"))
        (entry,) = (one for one in found if one.outcome == "done")
        return entry.principal, entry.detail

    number = made["client_secret"].split("_")[1]
    named = {"principal": "service:new", "policies": ["platform-admin"]}
    created = {**named, "credential": f"secret {number}"}
    assert told("principal:create") == ("user:admin", created)
    assert told("principal:delete") == ("user:admin", named)
    asked = {"principal": "user:anna", "link": fingerprint(code)}
    assert told("session:create") == ("user:admin", asked)
    started = world.access.audit.entries(AuditQuery(action="session:start"))[0]
    assert (started.principal, started.credential) == ("user:anna", f"link:{fingerprint(code)}")
    everything = repr(world.access.audit.entries(AuditQuery(limit=1000)))
    for secret in (made["client_secret"], code, world.client.cookies[COOKIE]):
        assert secret not in everything
