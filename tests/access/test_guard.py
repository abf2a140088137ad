from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI, Form, Request
from starlette.testclient import TestClient

from northstar.access.domain import AuditQuery
from northstar.access.guard import Guard, caller, declarations, form_token
from northstar.access.sessions import COOKIE
from northstar.access.testing import AccessBench


def _routes(guard: Guard) -> APIRouter:
    routes = APIRouter()
    project = "/api/squads/{squad}/projects/{project}"

    @routes.get("/health", dependencies=[guard.public("it names nobody")])
    def health() -> str:
        return "well"

    @routes.get(f"{project}/versions", dependencies=[guard("version:read")])
    def versions(squad: str, project: str, request: Request) -> str:
        return caller(request).id

    @routes.post(f"{project}/versions", dependencies=[guard("version:register")])
    def register(squad: str, project: str, request: Request) -> str:
        return caller(request).id

    @routes.post(
        f"{project}/environments/{{environment}}/rollback",
        dependencies=[guard("release:rollback")],
    )
    def rollback(request: Request, reason: str = Form()) -> str:
        return f"{caller(request).id}: {reason}"

    @routes.get("/page", dependencies=[guard.authenticated("platform:read")])
    def page(request: Request) -> str:
        return form_token(request)

    return routes


@pytest.fixture
def bench(tmp_path: Path) -> AccessBench:
    return AccessBench(tmp_path)


@pytest.fixture
def client(bench: AccessBench) -> TestClient:
    return bench.client(_routes(bench.guard))


VERSIONS = "/api/squads/operations/projects/late-arrival/versions"


def test_a_request_without_a_token_is_not_answered(client: TestClient) -> None:
    answer = client.get(VERSIONS)
    assert answer.status_code == 401
    assert "who is asking" in answer.json()["message"]


def test_a_public_route_answers_anybody(client: TestClient) -> None:
    assert client.get("/health").json() == "well"


def test_a_reader_reads_below_the_scope_of_the_role(bench: AccessBench, client: TestClient) -> None:
    headers = bench.headers("anna", "reader", "/operations")
    assert client.get(VERSIONS, headers=headers).json() == "user:anna"


def test_a_reader_of_another_squad_is_denied_and_recorded(
    bench: AccessBench, client: TestClient
) -> None:
    answer = client.get(VERSIONS, headers=bench.headers("bert", "reader", "/pricing"))
    assert answer.status_code == 403
    assert "reader" in answer.json()["hint"]
    (entry,) = bench.access.audit.entries(AuditQuery(principal="user:bert"))
    assert (entry.action, entry.outcome) == ("version:read", "denied")
    assert entry.scope == "/operations/late-arrival"


def test_a_change_is_recorded_with_what_allowed_it(bench: AccessBench, client: TestClient) -> None:
    headers = bench.headers("anna", "data-scientist", "/operations")
    assert client.post(VERSIONS, headers=headers).status_code == 200
    assert client.get(VERSIONS, headers=headers).status_code == 200
    entry, given = bench.access.audit.entries(AuditQuery(scope="/operations"))
    assert given.action == "role:assign"
    assert (entry.action, entry.outcome) == ("version:register", "allowed")
    assert entry.detail["policies"] == ["data-scientist"]


def test_a_name_that_is_none_is_refused(bench: AccessBench, client: TestClient) -> None:
    answer = client.get("/api/squads/Operations/projects/x/versions", headers=bench.headers())
    assert answer.status_code == 422


def test_a_form_of_a_session_needs_its_token(bench: AccessBench, client: TestClient) -> None:
    anna = bench.principal("anna", "approver", "/operations")
    cookie = bench.session(anna.id)
    client.cookies.set(COOKIE, cookie)
    path = "/api/squads/operations/projects/late-arrival/environments/prod/rollback"
    refused = client.post(path, data={"reason": "worse"})
    assert refused.status_code == 403
    csrf = client.get("/page").json()
    assert client.post(path, data={"reason": "worse", "csrf": csrf}).json() == "user:anna: worse"


def test_every_route_says_what_it_declares(bench: AccessBench) -> None:
    app: FastAPI = bench.app(_routes(bench.guard))

    @app.get("/forgotten")
    def forgotten() -> str:
        return ""

    found = declarations(app)
    assert found["GET", "/forgotten"] == []
    assert [d.action for d in found["POST", "/api/squads/{squad}/projects/{project}/versions"]] == [
        "version:register"
    ]
    assert found["GET", "/health"][0].public_because == "it names nobody"
