"""Services of a squad: its owner sees to them, and nobody comes by more through them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from northstar.access import api
from northstar.access.credentials.domain import Federated, Trust
from northstar.access.domain import AuditQuery, RoleName
from northstar.access.elevation import api as elevation_api
from northstar.access.elevation.service import ElevationService
from northstar.access.sessions import COOKIE, CSRF_HEADER, csrf_token
from northstar.access.testing import AccessBench
from northstar.clock import FakeClock
from northstar.errors import Denied
from northstar.names import ProjectRef, Scope

CI = "service:operations/ci"
TRUST = {"issuer": "https://id.example", "audience": "northstar", "subject": "repo:x/y:ref:main"}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def bench(tmp_path: Path, clock: FakeClock) -> Iterator[AccessBench]:
    bench = AccessBench(tmp_path, clock)
    bench.principal("olga", "squad-owner", "/operations")
    bench.principal("otto", "squad-owner", "/pricing")
    bench.principal("anna", "data-scientist", "/operations")
    yield bench
    bench.database.close()


@pytest.fixture
def client(bench: AccessBench) -> TestClient:
    elevations = ElevationService(bench.database, bench.clock, bench.access)
    return bench.client(
        api.router(bench.access, bench.guard), elevation_api.router(elevations, bench.guard)
    )


def send(
    client: TestClient, bench: AccessBench, who: str, method: str, path: str, body: Any = None
) -> Any:
    return client.request(method, path, json=body, headers=bench.headers(who, ""))


def make(client: TestClient, bench: AccessBench, who: str = "olga", **more: Any) -> Any:
    body = {"kind": "service", "name": "operations/ci", **more}
    return send(client, bench, who, "POST", "/api/principals", body)


def test_an_owner_makes_the_squads_ci_trusts_its_tokens_and_ends_it_without_an_administrator(
    bench: AccessBench, client: TestClient
) -> None:
    made = make(client, bench, secret=False)
    assert (made.status_code, made.json()["client_id"]) == (201, CI)
    place = f"/api/principals/{CI}"
    steps = [
        ("POST", f"{place}/trusts", TRUST, 201),
        ("POST", f"{place}/secrets", {}, 201),
        ("GET", f"{place}/credentials", None, 200),
        ("GET", place, None, 200),
        ("POST", "/api/role-assignments", _role("data-scientist", "/operations"), 201),
        ("POST", f"{place}/revocation", None, 204),
        ("DELETE", f"{place}/credentials/trust/1", None, 204),
        ("DELETE", place, None, 204),
    ]
    for method, path, body, status in steps:
        answer = send(client, bench, "olga", method, path, body)
        assert answer.status_code == status, (method, path, answer.text)
    assert bench.access.directory.find(CI) is None
    recorded = bench.access.audit.entries(AuditQuery(scope="/operations", principal="user:olga"))
    done = {entry.action for entry in recorded if entry.outcome == "done"}
    about = ("create", "trust", "secret", "revoke", "withdraw", "delete")
    assert {f"principal:{deed}" for deed in about} <= done


def test_who_owns_another_squad_or_none_is_told_that_it_takes_an_owner(
    bench: AccessBench, client: TestClient
) -> None:
    bench.access.directory.create("service", "operations/ci", "test", with_secret=False)
    for who in ("otto", "anna"):
        asked = [
            make(client, bench, who),
            send(client, bench, who, "GET", f"/api/principals/{CI}"),
            send(client, bench, who, "GET", f"/api/principals/{CI}/credentials"),
            send(client, bench, who, "POST", f"/api/principals/{CI}/secrets", {}),
            send(client, bench, who, "POST", f"/api/principals/{CI}/trusts", TRUST),
            send(client, bench, who, "DELETE", f"/api/principals/{CI}"),
        ]
        for answer in asked:
            assert answer.status_code == 403
            assert "squad-owner in /operations" in answer.json()["hint"]
            assert "platform-admin" not in answer.json()["hint"]


def test_owners_list_the_services_of_their_squads_and_nobody_else(
    bench: AccessBench, client: TestClient
) -> None:
    for name in ("operations/ci", "pricing/ci", "platform-ci"):
        bench.access.directory.create("service", name, "test", with_secret=False)

    def listed(who: str) -> list[str]:
        answer = send(client, bench, who, "GET", "/api/principals")
        return [one["id"] for one in answer.json()]

    assert listed("olga") == [CI]
    assert listed("anna") == []
    bench.principal("root", "platform-admin")
    assert {CI, "service:platform-ci", "user:olga"} <= set(listed("root"))


def test_owners_learn_what_ends_soon_of_their_squads_services(
    bench: AccessBench, client: TestClient, clock: FakeClock
) -> None:
    for name in ("operations/ci", "pricing/ci"):
        bench.access.directory.create("service", name, "test", lasts=timedelta(days=20))
    bench.access.directory.new_secret("user:anna", "test", lasts=timedelta(days=1))
    bench.access.run_identity(ProjectRef("operations", "late-arrival"))  # the platform's to renew

    def told(who: str) -> list[str]:
        answer = send(client, bench, who, "GET", "/api/credentials/ending")
        return [one["principal"] for one in answer.json()]

    assert (told("olga"), told("anna")) == ([CI], ["user:anna"])
    bench.principal("root", "platform-admin")
    assert told("root") == ["user:anna", CI, "service:pricing/ci"]
    clock.advance(21 * 86_400)
    assert told("root") == []  # it is missed by now, or was replaced


def test_an_owner_sees_to_no_user_and_no_service_of_the_platform(
    bench: AccessBench, client: TestClient
) -> None:
    bench.access.directory.create("service", "ci", "test", with_secret=False)
    bench.principal("all", "squad-owner", "/")  # of every squad
    for who in ("olga", "all"):
        for principal in ("user:anna", "service:ci"):
            path = f"/api/principals/{principal}/secrets"
            answer = send(client, bench, who, "POST", path, {})
            assert (answer.status_code, "platform-admin" in answer.json()["hint"]) == (403, True)
        told = make(client, bench, who, name="ci-of-mine").json()["hint"]
        assert told.startswith("A squad's owner makes its services: service:SQUAD/ci-of-mine.")
        made = {"kind": "user", "name": "new"}
        assert send(client, bench, who, "POST", "/api/principals", made).status_code == 403
        admin = {"principal": "user:anna", "role": "platform-admin", "scope": "/"}
        assert send(client, bench, who, "POST", "/api/role-assignments", admin).status_code == 403


def test_no_service_of_a_squad_administers_the_platform(
    bench: AccessBench, client: TestClient
) -> None:
    made = make(client, bench).json()
    bench.principal("root", "platform-admin")
    wish = _role("platform-admin", "/")
    refused = send(client, bench, "root", "POST", "/api/role-assignments", wish)
    assert refused.status_code == 403
    assert "services-of-squads-do-not-administer" in refused.json()["message"]
    for scope in ("/", "/pricing"):
        owner = _role("squad-owner", scope)
        answer = send(client, bench, "root", "POST", "/api/role-assignments", owner)
        assert "services-of-squads-do-not-administer" in answer.json()["message"]
    for role, scope in (("squad-owner", "/operations"), ("reader", "/pricing")):
        given = send(client, bench, "root", "POST", "/api/role-assignments", _role(role, scope))
        assert given.status_code == 201
    token = bench.access.client_credentials(made["client_id"], made["client_secret"], "northstar")
    headers = {"Authorization": f"Bearer {token.access_token}"}
    asked = {"role": "platform-admin", "scope": "/", "reason": "more"}
    assert client.post("/api/elevations", json=asked, headers=headers).status_code == 403


@pytest.mark.parametrize("role", ["squad-owner", "data-scientist"])
def test_who_owns_a_squad_for_an_hour_makes_no_key_of_a_service_that_has_a_role_for_good(
    bench: AccessBench, client: TestClient, clock: FakeClock, role: RoleName
) -> None:
    old = "service:operations/old"
    bench.access.directory.create("service", "operations/old", "test", with_secret=False)
    bench.access.directory.assign(old, role, Scope("operations"), "test")
    until = clock.now() + timedelta(hours=1)
    bench.access.directory.assign("user:anna", "squad-owner", Scope("operations"), "test", until)
    for what, body in (("secrets", {}), ("trusts", TRUST)):
        path = f"/api/principals/{old}/{what}"
        refused = send(client, bench, "anna", "POST", path, body)
        assert (refused.status_code, "until" in refused.json()["message"]) == (403, True)
        assert send(client, bench, "olga", "POST", path, body).status_code == 201
    made = make(client, bench, "anna")
    another = send(client, bench, "anna", "POST", f"/api/principals/{CI}/secrets", {"days": 700})
    for secret in (made.json(), another.json()):  # which would open what CI is given later
        assert secret["expires_at"] == until.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("service", "operations/late-arrival/ci"),
        ("service", "operations/credentials"),
        ("service", "operations/"),
        ("service", "/ci"),
        ("service", "Operations/ci"),
        ("user", "operations/anna"),
    ],
)
def test_names_that_can_be_nobodys(
    bench: AccessBench, client: TestClient, kind: str, name: str
) -> None:
    bench.principal("root", "platform-admin")
    body = {"kind": kind, "name": name}
    assert send(client, bench, "root", "POST", "/api/principals", body).status_code in (400, 422)


def test_a_secret_ends_by_itself(bench: AccessBench, client: TestClient, clock: FakeClock) -> None:
    made = make(client, bench).json()
    assert made["expires_at"] == (clock.now() + timedelta(days=180)).isoformat().replace(
        "+00:00", "Z"
    )
    short = send(client, bench, "olga", "POST", f"/api/principals/{CI}/secrets", {"days": 1}).json()
    for secret in (made, short):
        assert bench.access.directory.secret_is_good(CI, secret["client_secret"])
    clock.advance(86_400)
    assert not bench.access.directory.secret_is_good(CI, short["client_secret"])
    clock.advance(179 * 86_400)
    assert not bench.access.directory.secret_is_good(CI, made["client_secret"])
    for days in (None, 0, 1e-12, 731):
        path = f"/api/principals/{CI}/secrets"
        assert send(client, bench, "olga", "POST", path, {"days": days}).status_code == 422
    at_once = bench.access.directory.new_secret(CI, "test", lasts=timedelta())
    assert not bench.access.directory.secret_is_good(CI, at_once.client_secret)


def test_a_service_whose_secret_has_ended_makes_itself_no_other(
    bench: AccessBench, client: TestClient, clock: FakeClock
) -> None:
    make(client, bench, days=1)
    service, path = bench.access.directory.get(CI), f"/api/principals/{CI}/secrets"

    def ask(**about: Any) -> int:
        token = bench.access.token_for(service, "northstar", **about).access_token
        return client.post(path, headers={"Authorization": f"Bearer {token}"}).status_code

    pipeline = Federated(principal=CI, issuer="https://id.example", subject="repo:x/y")
    assert (ask(), ask(proven=pipeline)) == (201, 403)
    brought = bench.access.token_for(service, "northstar", proven=pipeline).access_token
    headers = {
        "Authorization": f"Bearer {bench.access.exchange(brought, 'northstar').access_token}"
    }
    assert client.post(path, headers=headers).status_code == 403
    for held in bench.access.credentials.of(CI)[1:]:
        bench.access.credentials.remove(CI, held.kind, held.number, "test")
    clock.advance(86_400)
    assert ask() == 403


def test_a_token_that_somebody_found_makes_no_secret_of_its_owners(
    bench: AccessBench, client: TestClient, clock: FakeClock
) -> None:
    found = bench.headers("anna", "")
    path = "/api/principals/user:anna/secrets"
    assert client.post(path, headers=found).status_code == 201  # proven just now
    clock.advance(301)
    refused = client.post(path, headers=found)
    assert (refused.status_code, "fresh proof" in refused.json()["message"]) == (403, True)
    told = bench.access.audit.entries(AuditQuery(outcome="denied", limit=1))[0]
    assert (told.principal, told.action) == ("user:anna", "principal:secret")
    token = found["Authorization"].removeprefix("Bearer ")
    exchanged = bench.access.exchange(token, "northstar").access_token
    again = client.post(path, headers={"Authorization": f"Bearer {exchanged}"})
    assert again.status_code == 403
    link = client.post("/api/sign-in-links", json={}, headers=found).json()["url"]
    client.get(link.removeprefix("http://northstar.test"), follow_redirects=False)
    csrf = {CSRF_HEADER: csrf_token(client.cookies[COOKIE])}
    assert client.get("/api/me").json()["principal"]["id"] == "user:anna"
    assert client.post(path, headers=csrf).status_code == 403
    client.cookies.clear()
    assert client.post(path, headers=bench.headers("anna", "")).status_code == 201


def test_a_persons_proof_is_no_pipelines_token(bench: AccessBench, client: TestClient) -> None:
    bench.principal("root", "platform-admin")
    trust = Trust.model_validate(TRUST)  # of before, when a person could have one
    number = bench.access.credentials.add_trust("user:anna", trust, "test").number
    place, other = "/api/principals/user:anna", {**TRUST, "subject": "repo:x/y:ref:other"}
    for method, path in (("POST", "trusts"), ("PATCH", f"credentials/trust/{number}")):
        refused = send(client, bench, "root", method, f"{place}/{path}", other)
        assert (refused.status_code, "person" in refused.json()["message"]) == (403, True)


def test_who_ever_made_a_key_of_a_service_is_remembered_also_by_way_of_another(
    bench: AccessBench, client: TestClient
) -> None:
    make(client, bench)
    bench.access.directory.create("service", "terraform", "user:root")
    bench.access.credentials.remove(CI, "secret", 1, "user:olga")
    send(client, bench, "olga", "DELETE", f"/api/principals/{CI}")
    bench.access.directory.create("service", "operations/ci", "service:terraform")
    makers = bench.access.credentials.key_makers(CI)
    assert makers == {"user:olga", "service:terraform", "user:root"}
    assert bench.access.credentials.key_makers("user:anna") == frozenset()


def test_what_is_not_there_is_missed_by_who_may_see_it_only(
    bench: AccessBench, client: TestClient
) -> None:
    missing = send(client, bench, "olga", "DELETE", "/api/principals/service:operations/no")
    assert missing.status_code == 404
    with pytest.raises(Denied):
        other = bench.principal("otto")
        bench.access.check(other, "principal:delete", Scope("operations"))


def _role(role: str, scope: str) -> dict[str, str]:
    return {"principal": CI, "role": role, "scope": scope}
