from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from northstar.access.api import router
from northstar.access.guard import declarations
from northstar.access.testing import AccessBench
from northstar.names import ProjectRef


@pytest.fixture
def bench(tmp_path: Path) -> AccessBench:
    return AccessBench(tmp_path)


@pytest.fixture
def client(bench: AccessBench) -> TestClient:
    return bench.client(router(bench.access, bench.guard))


def _form(**fields: str) -> dict[str, str]:
    return {"grant_type": "client_credentials", **fields}


def test_a_new_service_gets_a_token_with_its_secret(bench: AccessBench, client: TestClient) -> None:
    body = {"kind": "service", "name": "ci"}
    made = client.post("/api/principals", json=body, headers=bench.headers())
    assert made.status_code == 201
    answer = client.post("/oauth/token", data=_form(**made.json()))
    assert answer.headers["cache-control"] == "no-store"
    me = client.get(
        "/api/me", headers={"Authorization": f"Bearer {answer.json()['access_token']}"}
    ).json()
    assert (me["principal"]["id"], me["assignments"]) == ("service:ci", [])


def test_the_token_route_refuses_what_it_does_not_know(client: TestClient) -> None:
    wrong = client.post("/oauth/token", data=_form(client_id="user:x", client_secret="nss_y"))
    assert wrong.status_code == 401
    assert client.post("/oauth/token", data={"grant_type": "password"}).status_code == 422


def test_a_token_is_exchanged_for_an_endpoints(bench: AccessBench, client: TestClient) -> None:
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": bench.token("app", "invoker", "/operations"),
        "audience": "operations/late-arrival/prod",
    }
    assert client.post("/oauth/token", data=form).json()["expires_in"] == 900
    elsewhere = {**form, "audience": "pricing/fares/prod"}
    assert client.post("/oauth/token", data=elsewhere).status_code == 403


def test_a_squad_owner_gives_roles_in_the_squad_only(
    bench: AccessBench, client: TestClient
) -> None:
    owner = bench.headers("olga", "squad-owner", "/operations")
    bench.principal("anna")
    give = {"principal": "user:anna", "role": "approver", "scope": "/operations/late-arrival"}
    made = client.post("/api/role-assignments", json=give, headers=owner)
    assert made.status_code == 201
    for refused in (
        {**give, "scope": "/"},
        {**give, "scope": "/pricing"},
        {**give, "role": "platform-admin", "scope": "/operations"},
        {**give, "role": "run"},
    ):
        answer = client.post("/api/role-assignments", json=refused, headers=owner)
        assert answer.status_code == 403, refused
    held = client.get("/api/role-assignments?principal=user:anna", headers=owner).json()
    assert [a["role"] for a in held] == ["approver"]
    gone = client.delete(f"/api/role-assignments/{made.json()['id']}", headers=owner)
    assert gone.status_code == 204
    assert bench.access.directory.assignments("user:anna") == []


def test_roles_of_other_squads_are_not_shown(bench: AccessBench, client: TestClient) -> None:
    bench.principal("paul", "reader", "/pricing")
    owner = bench.headers("olga", "squad-owner", "/operations")
    shown = client.get("/api/role-assignments", headers=owner).json()
    assert {a["principal"] for a in shown} == {"user:olga"}


def test_a_role_that_is_none_is_refused_with_those_that_are(
    bench: AccessBench, client: TestClient
) -> None:
    body = {"principal": "user:admin", "role": "king", "scope": "/"}
    answer = client.post("/api/role-assignments", json=body, headers=bench.headers())
    assert answer.status_code == 422
    assert "approver" in answer.json()["hint"]


def test_one_makes_secrets_for_oneself_and_an_administrator_for_others(
    bench: AccessBench, client: TestClient
) -> None:
    anna = bench.headers("anna", "reader")
    bench.principal("bert")
    assert client.post("/api/principals/user:anna/secrets", headers=anna).status_code == 201
    assert client.post("/api/principals/user:bert/secrets", headers=anna).status_code == 403
    path = "/api/principals/user:bert/secrets"
    assert client.post(path, headers=bench.headers()).status_code == 201
    taken = client.post("/api/principals/platform:control/secrets", headers=bench.headers())
    assert taken.status_code == 403


def test_deleting_a_principal_ends_its_tokens(bench: AccessBench, client: TestClient) -> None:
    anna = bench.headers("anna", "reader")
    gone = client.delete("/api/principals/user:anna", headers=bench.headers())
    assert gone.status_code == 204
    assert client.get("/api/me", headers=anna).status_code == 401


def test_signing_in_sets_a_cookie_for_this_site_and_signing_out_ends_it(
    bench: AccessBench, client: TestClient
) -> None:
    headers = bench.headers("anna", "reader")
    link = client.post("/api/sign-in-links", json={}, headers=headers).json()["url"]
    place = link.removeprefix("http://northstar.test")
    answer = client.get(place, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert client.get("/api/me").json()["principal"]["id"] == "user:anna"
    assert client.get(place, follow_redirects=False).status_code == 401
    assert client.post("/sign-out").status_code == 403  # no form of this session


def test_a_link_for_somebody_else_takes_an_administrator(
    bench: AccessBench, client: TestClient
) -> None:
    bench.principal("bert")
    wanted = {"principal": "user:bert"}
    anna = bench.headers("anna", "squad-owner", "/operations")
    assert client.post("/api/sign-in-links", json=wanted, headers=anna).status_code == 403
    assert client.post("/api/sign-in-links", json=wanted, headers=bench.headers()).is_success


def test_published_keys_are_there_before_the_first_token(client: TestClient) -> None:
    (key,) = client.get("/.well-known/jwks.json").json()["keys"]
    assert (key["alg"], key["use"]) == ("ES256", "sig")


def test_every_route_declares_something(bench: AccessBench) -> None:
    found = declarations(bench.app(router(bench.access, bench.guard)))
    assert len(found) >= 14
    assert all(len(declared) == 1 for declared in found.values())


def test_one_principal_one_role_and_one_trust_can_be_read(
    bench: AccessBench, client: TestClient
) -> None:
    admin = bench.headers()
    client.post("/api/principals", json={"kind": "service", "name": "ci"}, headers=admin)
    wish = {"principal": "service:ci", "role": "reader", "scope": "/operations"}
    held = client.post("/api/role-assignments", json=wish, headers=admin).json()
    trust = {"issuer": "https://ci.example", "audience": "northstar", "subject": "repo:us/x"}
    made = client.post("/api/principals/service:ci/trusts", json=trust, headers=admin).json()

    read = client.get("/api/principals/service:ci", headers=admin).json()
    assert read == {"id": "service:ci", "kind": "service", "name": "ci"}
    role = f"/api/role-assignments/{held['id']}"
    assert client.get(role, headers=admin).json() == held
    place = f"/api/principals/service:ci/credentials/trust/{made['number']}"
    known = {**trust, "reusable": False, "principal": "service:ci", "number": made["number"]}
    assert client.get(place, headers=admin).json() == known

    # who may not know of a role is told the same as if there were none
    stranger = bench.headers("eve", "squad-owner", "/pricing")
    hidden, absent = (
        client.get(path, headers=stranger) for path in (role, "/api/role-assignments/999")
    )
    assert hidden.status_code == absent.status_code == 404
    assert "operations" not in hidden.text
    assert client.get(place, headers=stranger).status_code == 403
    assert client.get(f"{place}9", headers=admin).status_code == 404


def test_processes_of_the_platform_are_found_on_every_route(
    bench: AccessBench, client: TestClient
) -> None:
    admin = bench.headers()
    who = bench.access.run_identity(ProjectRef("operations", "late-arrival")).client_id
    place = "/api/principals/{principal:path}"
    routes = [
        one
        for one in declarations(bench.app(router(bench.access, bench.guard)))
        if one[1].startswith(place)
    ]
    assert len(routes) >= 9
    for method, path in sorted(routes, key=lambda route: route == ("DELETE", place)):  # at last
        asked = path.replace("{principal:path}", who).replace("{kind}", "secret")
        said = client.request(method, asked.replace("{number:int}", "7"), headers=admin)
        missing = said.status_code == 404 and f"{who} has no" not in said.text
        assert not missing, (method, path, said.text)
        assert said.status_code < 500
    assert bench.access.directory.find(who) is None


@pytest.mark.parametrize(
    "trick",
    [
        "/api/principals//managed:run/operations/late-arrival",
        "/api/principals/managed:run/operations/late-arrival/",
        "/api/principals/managed:run//operations/late-arrival",
        "/api/principals/managed:run/operations/%2e%2e/operations/late-arrival",
        "/api/principals/Managed:run/operations/late-arrival",
        "/api/principals/managed:run/operations/late-arrival.",
    ],
)
def test_a_principal_is_found_under_its_own_id_only(
    bench: AccessBench, client: TestClient, trick: str
) -> None:
    bench.access.run_identity(ProjectRef("operations", "late-arrival"))
    anna = bench.headers("anna", "squad-owner", "/operations")
    for suffix in ("", "/credentials"):
        assert client.get(trick + suffix, headers=bench.headers()).status_code == 404
        assert client.get(trick + suffix, headers=anna).status_code == 403
    own = "/api/principals/user:anna/../managed:run/operations/late-arrival/secrets"
    assert client.post(own.replace("..", "%2e%2e"), headers=anna).status_code == 403
