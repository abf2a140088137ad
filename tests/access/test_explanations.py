"""Why, and who else: told over HTTP, and in what a denial says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from northstar.access.explanations_api import router
from northstar.access.testing import AccessBench
from northstar.errors import NorthstarError
from northstar.names import ProjectRef, Scope

PROD = Scope("operations", "late-arrival", "prod")


@pytest.fixture
def bench(tmp_path: Path) -> AccessBench:
    bench = AccessBench(tmp_path)
    bench.principal("admin", "platform-admin", "/")
    bench.principal("olga", "squad-owner", "/operations")
    bench.principal("anna", "data-scientist", "/operations")
    bench.principal("carl", "approver", "/operations/late-arrival")
    bench.principal("paul", "reader", "/pricing")
    return bench


@pytest.fixture
def client(bench: AccessBench) -> TestClient:
    return bench.client(router(bench.access, bench.guard))


def denial(bench: AccessBench, who: str, action: str, scope: Scope, **about: str) -> NorthstarError:
    principal = bench.access.directory.get(who)
    with pytest.raises(NorthstarError) as raised:
        bench.access.check(principal, action, scope, **about)
    return raised.value


def explained(client: TestClient, bench: AccessBench, asker: str, **query: str) -> dict[str, Any]:
    wanted = {"resource": str(PROD), **query}
    answer = client.get("/api/access/explanation", params=wanted, headers=bench.headers(asker, ""))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_denial_says_which_role_where_who_gives_it_and_how_to_ask(bench: AccessBench) -> None:
    told = denial(bench, "user:anna", "release:approve", PROD)
    assert told.message == f"user:anna may not release:approve in {PROD}."
    assert told.hint == (
        f"It takes the role approver in {PROD}, which user:olga or user:admin can give. "
        f"Ask for it: northstar access request approver {PROD} --reason …"
    )


def test_a_denial_names_nobody_to_who_may_not_read_roles_there(bench: AccessBench) -> None:
    told = denial(bench, "user:paul", "version:read", Scope("operations"))
    assert "user:" not in told.hint
    assert "an owner of operations or a platform administrator can give" in told.hint
    assert "northstar access request reader /operations " in told.hint


def test_what_only_administrators_may_is_asked_for_on_the_whole_platform(
    bench: AccessBench,
) -> None:
    told = denial(bench, "user:olga", "principal:create", Scope())
    assert "northstar access request platform-admin / " in told.hint


def test_a_process_is_not_told_to_ask(bench: AccessBench) -> None:
    bench.access.run_identity(ProjectRef("operations", "late-arrival"))
    run = "managed:run/operations/late-arrival"
    told = denial(bench, run, "release:propose", PROD)
    assert "access request" not in told.hint
    assert "northstar role assign" in told.hint


def test_a_guard_rail_says_why_and_that_no_role_helps(bench: AccessBench) -> None:
    told = denial(bench, "user:carl", "release:approve", PROD, proposed_by="user:carl")
    assert "(four-eyes-proposer)" in told.message
    assert "nobody approves the release that they proposed" in told.hint
    assert f"`northstar access who-can release:approve {PROD}`" in told.hint


def test_what_the_platform_alone_does_is_said_to_be_so(bench: AccessBench) -> None:
    assert "No role" in denial(bench, "user:admin", "mlflow:promote", Scope("operations")).hint
    assert "only the platform" in denial(bench, "user:admin", "endpoint:sync", PROD).hint


def test_the_assignment_and_the_policy_that_allowed_it_are_named(
    bench: AccessBench, client: TestClient
) -> None:
    found = explained(client, bench, "olga", principal="user:carl", action="release:approve")
    assert found["allowed"] is True
    assert [(a["role"], a["scope"]) for a in found["assignments"]] == [
        ("approver", "/operations/late-arrival")
    ]
    (policy,) = found["policies"]
    assert (policy["id"], policy["effect"], policy["file"]) == ("approver", "permit", "roles.cedar")
    assert "agrees to releases" in policy["reason"]


def test_an_explanation_takes_what_the_request_is_about(
    bench: AccessBench, client: TestClient
) -> None:
    query = {
        "principal": "user:carl",
        "action": "release:approve",
        "context": "registered_by=user:carl",
    }
    found = explained(client, bench, "carl", **query)
    assert found["allowed"] is False
    assert [p["id"] for p in found["policies"]] == ["four-eyes-registrant"]
    missing: dict[str, Any] = {
        "role": None,
        "scope": str(PROD),
        "granters": [],
        "command": "",
    }
    assert found["missing"] == missing


def test_who_can_lists_roles_with_their_ends(bench: AccessBench, client: TestClient) -> None:
    query = {"action": "release:approve", "resource": str(PROD)}
    headers = bench.headers("anna", "")
    found = client.get("/api/access/holders", params=query, headers=headers).json()
    assert [(one["principal"], one["role"]) for one in found] == [
        ("user:admin", "platform-admin"),
        ("user:carl", "approver"),
        ("user:olga", "squad-owner"),
    ]
    without = {**query, "context": "proposed_by=user:carl"}
    found = client.get("/api/access/holders", params=without, headers=headers).json()
    assert [one["principal"] for one in found] == ["user:admin", "user:olga"]


def test_one_may_ask_about_oneself_anywhere_and_about_others_where_one_reads_roles(
    bench: AccessBench, client: TestClient
) -> None:
    query = {"principal": "user:paul", "action": "version:read", "resource": str(PROD)}
    paul = bench.headers("paul", "")
    assert client.get("/api/access/explanation", params=query, headers=paul).is_success
    for others in ({**query, "principal": "user:anna"}, {**query, "principal": "user:nobody"}):
        answer = client.get("/api/access/explanation", params=others, headers=paul)
        assert answer.status_code == 403
    assert client.get("/api/access/holders", params=query, headers=paul).status_code == 403


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"action": "release:aprove"}, "release:approve"),
        ({"context": "proposer=user:anna"}, "proposed_by"),
        ({"context": "proposed_by"}, "proposed_by=user:anna"),
        ({"resource": "operations"}, "/SQUAD"),
    ],
)
def test_a_question_that_makes_no_sense_is_answered_with_what_does(
    bench: AccessBench, client: TestClient, change: dict[str, str], hint: str
) -> None:
    query = {"principal": "user:anna", "action": "version:read", "resource": "/", **change}
    answer = client.get("/api/access/explanation", params=query, headers=bench.headers("anna", ""))
    assert answer.status_code == 422
    assert hint in answer.json()["hint"]
