"""What the audit writes down of where a request came from, whatever its sender claims."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import APIRouter
from starlette.testclient import TestClient

from northstar.access.domain import AuditEntry, AuditQuery
from northstar.access.origin import OriginMiddleware
from northstar.access.sessions import COOKIE, csrf_token
from northstar.access.testing import AccessBench
from northstar.errors import Invalid
from northstar.names import Scope

PATH = "/squads/operations"


@pytest.fixture
def bench(tmp_path: Path) -> AccessBench:
    return AccessBench(tmp_path)


def client(bench: AccessBench, peer: str, trusted: tuple[str, ...] = ()) -> TestClient:
    routes = APIRouter()

    @routes.post("/squads/{squad}", dependencies=[bench.guard("project:create")])
    def create(squad: str) -> str:
        return squad

    app = bench.app(routes)
    app.add_middleware(OriginMiddleware, trusted_proxies=trusted)
    return TestClient(app, client=(peer, 5000))


def newest(bench: AccessBench) -> AuditEntry:
    return bench.access.audit.entries(AuditQuery(limit=1))[0]


@pytest.mark.parametrize(
    ("peer", "trusted", "forwarded", "recorded"),
    [
        ("203.0.113.9", (), "198.51.100.1", "203.0.113.9"),
        ("203.0.113.9", ("10.0.0.0/8",), "198.51.100.1", "203.0.113.9"),
        ("10.0.0.2", ("10.0.0.0/8",), "198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", ("10.0.0.0/8",), "6.6.6.6, 198.51.100.1, 10.0.0.7", "198.51.100.1"),
        ("10.0.0.2", ("10.0.0.0/8",), "198.51.100.1, nonsense", "10.0.0.2"),
        ("10.0.0.2", ("10.0.0.0/8",), "", "10.0.0.2"),
        ("fd00::1", ("fd00::/8",), "2001:db8::7", "2001:db8::7"),
    ],
)
def test_a_forwarded_address_is_believed_of_trusted_proxies_only(
    bench: AccessBench, peer: str, trusted: tuple[str, ...], forwarded: str, recorded: str
) -> None:
    headers = bench.headers() | {"X-Forwarded-For": forwarded}
    assert client(bench, peer, trusted).post(PATH, headers=headers).is_success
    assert newest(bench).address == recorded


def test_a_list_of_proxies_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid, match="not a network"):
        OriginMiddleware(APIRouter(), ["proxy.local"])


def test_a_denial_says_through_which_token(bench: AccessBench) -> None:
    token = bench.token("rita", "reader")
    jti = bench.access.tokens.check(token)["jti"]
    headers = {"Authorization": f"Bearer {token}"}
    assert client(bench, "203.0.113.9").post(PATH, headers=headers).status_code == 403
    entry = newest(bench)
    assert (entry.outcome, entry.credential) == ("denied", f"token:{jti}")


def test_a_session_is_told_apart_but_not_given_away(bench: AccessBench) -> None:
    who = bench.principal("olga", "squad-owner", "/operations")
    cookie = bench.session(who.id)
    headers = {"Cookie": f"{COOKIE}={cookie}"}
    browser = client(bench, "203.0.113.9")
    from_a_form = headers | {"X-CSRF-Token": csrf_token(cookie)}
    assert browser.post(PATH, headers=from_a_form).is_success
    credential = newest(bench).credential or ""
    assert credential.startswith("session:")
    assert credential.removeprefix("session:") not in cookie


def test_what_the_platform_does_by_itself_came_from_nowhere(bench: AccessBench) -> None:
    bench.access.bootstrap_administrator()
    made = bench.access.audit.record("platform:control", "release:completed", Scope(), "done")
    assert (made.credential, made.address) == ("", "")
