"""Squads and projects over HTTP, with real decisions about who may do what."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from northstar.access.testing import AccessBench
from northstar.clock import SystemClock
from northstar.names import ProjectRef
from northstar.project import store
from northstar.project.api import router
from northstar.project.fake import FakeWorkspaces
from northstar.project.service import ProjectService
from northstar.project.store import ProjectStore


@pytest.fixture
def bench(tmp_path: Path) -> AccessBench:
    return AccessBench(tmp_path)


@pytest.fixture
def client(bench: AccessBench) -> TestClient:
    store.metadata.create_all(bench.database.engine, tables=[store.squads, store.projects])
    service = ProjectService(ProjectStore(bench.database), FakeWorkspaces(), SystemClock())
    for squad in ("fashion", "operations"):
        service.create_squad(squad, "", "user:admin")
        service.create_project(ProjectRef(squad, "returns"), "", "user:admin")
    return bench.client(router(service, bench.guard))


def test_an_administrator_makes_a_squad_and_its_owner_a_project(
    bench: AccessBench, client: TestClient
) -> None:
    made = client.post("/api/squads", json={"name": "finance"}, headers=bench.headers())
    owner = bench.headers("eve", "squad-owner", "/finance")
    project = client.post(
        "/api/squads/finance/projects", json={"name": "fraud", "description": "?"}, headers=owner
    )

    assert made.status_code == project.status_code == 201
    assert made.json()["created_by"] == "user:admin"
    shown = client.get("/api/squads/finance/projects/fraud", headers=owner).json()
    assert shown == project.json()


def test_lists_hold_what_the_caller_may_read(bench: AccessBench, client: TestClient) -> None:
    reader = bench.headers("ben", "reader", "/fashion")

    squads = client.get("/api/squads", headers=reader).json()

    assert [squad["name"] for squad in squads] == ["fashion"]
    assert len(client.get("/api/squads/fashion/projects", headers=reader).json()) == 1
    assert client.get("/api/squads/operations/projects", headers=reader).json() == []


def test_what_a_role_does_not_allow_is_refused(bench: AccessBench, client: TestClient) -> None:
    owner = bench.headers("eve", "squad-owner", "/fashion")

    assert client.post("/api/squads", json={"name": "x"}, headers=owner).status_code == 403
    body = {"name": "x"}
    elsewhere = client.post("/api/squads/operations/projects", json=body, headers=owner)
    assert elsewhere.status_code == 403
    assert client.get("/api/squads").status_code == 401


def test_errors_say_what_to_do(bench: AccessBench, client: TestClient) -> None:
    headers = bench.headers()

    twice = client.post("/api/squads", json={"name": "fashion"}, headers=headers)
    bad = client.post("/api/squads", json={"name": "No!"}, headers=headers)
    absent = client.get("/api/squads/fashion/projects/nothing", headers=headers)

    assert (twice.status_code, bad.status_code, absent.status_code) == (409, 422, 404)
    assert "northstar project create fashion/nothing" in absent.json()["hint"]


def test_an_owner_describes_the_projects_and_an_administrator_the_squad(
    bench: AccessBench, client: TestClient
) -> None:
    owner, admin = bench.headers("eve", "squad-owner", "/fashion"), bench.headers()
    about = {"description": "What comes back"}

    project = client.patch("/api/squads/fashion/projects/returns", json=about, headers=owner)
    refused = client.patch("/api/squads/fashion", json=about, headers=owner)
    squad = client.patch("/api/squads/fashion", json=about, headers=admin)

    assert (project.json()["description"], refused.status_code) == ("What comes back", 403)
    assert client.get("/api/squads/fashion", headers=admin).json() == squad.json()
    assert squad.json()["description"] == "What comes back"
    absent = client.patch("/api/squads/fashion/projects/no", json=about, headers=owner)
    assert absent.status_code == 404
