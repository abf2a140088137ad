from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from northstar.access.domain import Principal
from northstar.access.elevation.api import router
from northstar.access.elevation.errors import WrongState
from northstar.access.elevation.service import ElevationService
from northstar.access.testing import AccessBench
from northstar.clock import FakeClock
from northstar.connection import PLATFORM_AUDIENCE
from northstar.database import Database
from northstar.names import ProjectRef, Scope

WISH = {"role": "operator", "scope": "/operations", "reason": "the canary looks bad", "hours": 2}


@pytest.fixture(params=["sqlite", "postgresql"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AccessBench]:
    database = None
    if request.param == "postgresql":
        database = Database(request.getfixturevalue("postgres_url"))
    bench = AccessBench(tmp_path, FakeClock(), database)
    yield bench
    bench.database.close()


@pytest.fixture
def client(bench: AccessBench) -> TestClient:
    service = ElevationService(bench.database, bench.clock, bench.access)
    return bench.client(router(service, bench.guard))


@pytest.fixture
def anna(bench: AccessBench) -> dict[str, str]:
    return bench.headers("anna", "reader", "/operations")


@pytest.fixture
def owner(bench: AccessBench) -> dict[str, str]:
    return bench.headers("olga", "squad-owner", "/operations")


def may_roll_back(bench: AccessBench) -> bool:
    anna = bench.access.directory.get("user:anna")
    return bench.access.allowed(anna, "release:rollback", Scope("operations"))


def test_a_role_that_was_asked_for_and_approved_holds_until_its_time(
    bench: AccessBench, client: TestClient, anna: dict[str, str], owner: dict[str, str]
) -> None:
    asked = client.post("/api/elevations", json=WISH, headers=anna)
    assert (asked.status_code, asked.json()["state"]) == (201, "requested")
    assert not may_roll_back(bench)
    place = f"/api/elevations/{asked.json()['id']}"
    given = client.post(f"{place}/approve", json={"reason": "go"}, headers=owner).json()
    assert (given["state"], given["decided_by"]) == ("active", "user:olga")
    assert may_roll_back(bench)
    assert isinstance(bench.clock, FakeClock)
    bench.clock.advance(timedelta(hours=2).total_seconds())
    assert not may_roll_back(bench)
    later = bench.headers("olga", "reader", "/operations")
    assert client.get(place, headers=later).json()["state"] == "expired"


def test_nobody_approves_their_own_request_not_even_an_administrator(
    bench: AccessBench, client: TestClient
) -> None:
    admin = bench.headers()
    asked = client.post("/api/elevations", json={**WISH, "role": "approver"}, headers=admin).json()
    refused = client.post(f"/api/elevations/{asked['id']}/approve", json={}, headers=admin)
    assert refused.status_code == 403
    assert "four-eyes-requester" in refused.json()["message"]


def test_who_may_not_give_the_role_may_not_approve_it(
    bench: AccessBench, client: TestClient, anna: dict[str, str]
) -> None:
    number = client.post("/api/elevations", json=WISH, headers=anna).json()["id"]
    place = f"/api/elevations/{number}"
    approver = bench.headers("albert", "approver", "/operations")
    assert client.post(f"{place}/approve", json={}, headers=approver).status_code == 403
    stranger = bench.headers("paul", "squad-owner", "/pricing")
    assert client.post(f"{place}/approve", json={}, headers=stranger).status_code == 404
    assert client.get("/api/elevations", headers=stranger).json() == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"role": "king"}, 422),
        ({"hours": 25}, 422),
        ({"reason": "  "}, 422),
        ({"role": "reader"}, 409),  # held already
        ({"role": "run"}, 403),
        ({"role": "platform-admin"}, 403),  # is of the whole platform
    ],
)
def test_what_cannot_be_asked_for(
    client: TestClient, anna: dict[str, str], change: dict[str, object], status: int
) -> None:
    answer = client.post("/api/elevations", json={**WISH, **change}, headers=anna)
    assert answer.status_code == status, answer.text


def test_a_request_is_made_once_and_can_be_withdrawn_or_rejected(
    bench: AccessBench, client: TestClient, anna: dict[str, str], owner: dict[str, str]
) -> None:
    first = client.post("/api/elevations", json=WISH, headers=anna).json()["id"]
    again = client.post("/api/elevations", json=WISH, headers=anna)
    assert again.status_code == 409
    assert f"access withdraw {first}" in again.json()["hint"]
    client.post(f"/api/elevations/{first}/withdraw", headers=anna)
    second = client.post("/api/elevations", json=WISH, headers=anna).json()["id"]
    assert client.post(
        f"/api/elevations/{second}/reject", json={"reason": "no"}, headers=owner
    ).is_success
    states = [e["state"] for e in client.get("/api/elevations", headers=anna).json()]
    assert states == ["rejected", "withdrawn"]
    waiting = client.get("/api/elevations?state=requested", headers=owner).json()
    assert waiting == []


def test_every_step_is_in_the_audit(
    bench: AccessBench, client: TestClient, anna: dict[str, str], owner: dict[str, str]
) -> None:
    number = client.post("/api/elevations", json=WISH, headers=anna).json()["id"]
    client.post(f"/api/elevations/{number}/approve", json={}, headers=owner)
    client.post(f"/api/elevations/{number}/end", headers=anna)
    told = [
        (e.principal, e.action, e.detail["role"])
        for e in bench.access.audit.entries()
        if e.action.startswith("elevation:") and e.outcome == "done"
    ]
    assert told == [
        ("user:anna", "elevation:end", "operator"),
        ("user:olga", "elevation:approve", "operator"),
        ("user:anna", "elevation:request", "operator"),
    ]


def test_the_role_ends_with_who_has_it(
    bench: AccessBench, client: TestClient, anna: dict[str, str], owner: dict[str, str]
) -> None:
    number = client.post("/api/elevations", json=WISH, headers=anna).json()["id"]
    client.post(f"/api/elevations/{number}/approve", json={}, headers=owner)
    bench.access.directory.delete("user:anna", by="test")
    assert client.get(f"/api/elevations/{number}", headers=owner).status_code == 404


def test_two_owners_who_approve_at_once_give_one_role(
    bench: AccessBench, client: TestClient, anna: dict[str, str]
) -> None:
    number = client.post("/api/elevations", json=WISH, headers=anna).json()["id"]
    service = ElevationService(bench.database, bench.clock, bench.access)
    owners = [bench.principal(f"olga-{i}", "squad-owner", "/operations") for i in range(4)]

    def approve(owner: Principal) -> bool:
        try:
            service.approve(owner, number)
        except WrongState:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(approve, owners)) == [False, False, False, True]
    roles = [held.role for held in bench.access.directory.assignments("user:anna")]
    assert roles == ["reader", "operator"]


def test_a_program_decides_on_nothing_but_may_end_what_it_could_take_as_well(
    bench: AccessBench, client: TestClient, anna: dict[str, str], owner: dict[str, str]
) -> None:
    programs = [bench.access.run_identity(ProjectRef("operations", "late-arrival")).client_id]
    programs.append(bench.access.directory.create("service", "robot", "test").client_id)
    for program in programs:  # not even with the role
        bench.access.directory.assign(program, "squad-owner", Scope("operations"), "test")
    number = client.post("/api/elevations", json=WISH, headers=anna).json()["id"]
    place = f"/api/elevations/{number}"
    for program in programs:
        for move in ("approve", "reject"):
            said = client.post(
                f"{place}/{move}", json={"reason": "well"}, headers=token_of(bench, program)
            )
            assert (said.status_code, "people-decide-on" in said.json()["message"]) == (403, True)
    able = bench.access.explanations.who_can("elevation:decide", Scope("operations"), {})
    assert {one.principal for one in able} == {"user:olga"}

    client.post(f"{place}/approve", json={}, headers=owner)
    bench.access.directory.create("service", "reads", "test")
    bench.access.directory.assign("service:reads", "reader", Scope("operations"), "test")
    assert client.post(f"{place}/end", headers=token_of(bench, "service:reads")).status_code == 403
    assert may_roll_back(bench)
    assert client.post(f"{place}/end", headers=token_of(bench, "service:robot")).is_success
    assert not may_roll_back(bench)


def token_of(bench: AccessBench, principal: str) -> dict[str, str]:
    known = bench.access.directory.get(principal)
    token = bench.access.token_for(known, PLATFORM_AUDIENCE).access_token
    return {"Authorization": f"Bearer {token}"}
