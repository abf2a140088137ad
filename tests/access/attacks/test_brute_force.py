"""Guessing secrets and sign-in codes, and keeping the platform busy with guesses."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.testclient import TestClient

from northstar.access.api import router
from northstar.access.domain import AuditQuery
from northstar.access.errors import TooManyAttempts
from northstar.access.mlflow.door import MlflowDoor
from northstar.access.origin import OriginMiddleware
from northstar.access.rate_limits import RateLimits
from northstar.access.testing import AccessBench

GUESS = {"grant_type": "client_credentials", "client_id": "service:ci", "client_secret": "nss_x"}


@pytest.fixture
def bench(tmp_path: Path) -> AccessBench:
    bench = AccessBench(tmp_path)
    # By the day: a window that ends while a test runs would let one attempt more in.
    bench.access.limits = RateLimits("30/day", "3/day", "6/day")
    return bench


def client(bench: AccessBench, address: str) -> TestClient:
    app = bench.app(router(bench.access, bench.guard))
    app.add_middleware(OriginMiddleware)
    return TestClient(app, client=(address, 5000))


def test_after_some_wrong_secrets_not_even_the_right_one_is_tried(bench: AccessBench) -> None:
    secret = bench.access.directory.create("service", "ci", "test").client_secret
    attacker = client(bench, "203.0.113.9")
    assert [attacker.post("/oauth/token", data=GUESS).status_code for _ in range(3)] == [401] * 3
    right = GUESS | {"client_secret": secret}
    refused = attacker.post("/oauth/token", data=right)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 24 * 3600
    assert client(bench, "198.51.100.1").post("/oauth/token", data=right).is_success
    assert (
        len(bench.access.audit.entries(AuditQuery(principal="service:ci", outcome="denied"))) == 3
    )


def test_many_names_of_one_address_do_not_help(bench: AccessBench) -> None:
    attacker = client(bench, "203.0.113.9")
    answers = [
        attacker.post("/oauth/token", data=GUESS | {"client_id": f"service:n{i}"}).status_code
        for i in range(9)
    ]
    assert answers == [401] * 6 + [429] * 3


def test_a_program_with_a_stale_secret_shuts_out_itself_only(bench: AccessBench) -> None:
    secret = bench.access.directory.create("service", "good", "test").client_secret
    machine = client(bench, "203.0.113.9")
    for _ in range(20):
        machine.post("/oauth/token", data=GUESS)
    good = {"client_id": "service:good", "client_secret": secret}
    assert machine.post("/oauth/token", data=GUESS | good).is_success


def test_good_secrets_are_limited_too_for_they_cost_as_much(bench: AccessBench) -> None:
    bench.access.limits = RateLimits(attempts="3/day")
    secret = bench.access.directory.create("service", "ci", "test").client_secret
    eager, right = client(bench, "203.0.113.9"), GUESS | {"client_secret": secret}
    answers = [eager.post("/oauth/token", data=right).status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]


def test_sign_in_codes_are_not_guessed(bench: AccessBench) -> None:
    attacker = client(bench, "203.0.113.9")
    answers = [attacker.get(f"/sign-in?code=guess{i}").status_code for i in range(4)]
    assert answers == [401, 401, 401, 429]


def test_mlflows_basic_authentication_is_no_way_around(bench: AccessBench) -> None:
    async def mlflow(scope: object, receive: object, send: object) -> None:
        await PlainTextResponse("in")(scope, receive, send)  # type: ignore[arg-type]  # ASGI's

    app = Starlette(routes=[Mount("/mlflow", MlflowDoor(mlflow, bench.access))])
    app.add_middleware(OriginMiddleware)
    attacker = TestClient(app, client=("203.0.113.9", 5000))
    headers = {"Authorization": "Basic " + b64encode(b"service:ci:nss_wrong").decode()}
    answers = [attacker.get("/mlflow/version", headers=headers) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert "retry-after" in answers[-1].headers


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("2001:db8::1", "2001:db8::2:3", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("203.0.113.9", "203.0.113.8", False),
    ],
)
def test_an_ipv6_client_has_no_more_addresses_than_others(
    first: str, second: str, shared: bool
) -> None:
    limits = RateLimits(attempts="1/day")
    limits.admit(first, "x")
    if shared:
        with pytest.raises(TooManyAttempts):
            limits.admit(second, "x")
    else:
        limits.admit(second, "x")
