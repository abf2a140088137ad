"""Riding on somebody's session, planting one, and using a link twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi import APIRouter, Request
from starlette.testclient import TestClient

from northstar.access import store
from northstar.access.api import router
from northstar.access.domain import AuditQuery, principal_of
from northstar.access.errors import BadCredentials
from northstar.access.guard import form_token
from northstar.access.service import AccessService
from northstar.access.sessions import COOKIE, Sessions
from northstar.access.testing import AccessBench
from northstar.clock import SystemClock
from northstar.database import Database, metadata


@pytest.fixture
def bench(tmp_path: Path) -> AccessBench:
    return AccessBench(tmp_path)


@pytest.fixture
def browser(bench: AccessBench) -> TestClient:
    pages = APIRouter()

    @pages.get("/form", dependencies=[bench.guard.authenticated("self:read")])
    def form(request: Request) -> str:
        return form_token(request)

    @pages.post("/squads/{squad}", dependencies=[bench.guard("project:create")])
    def create(squad: str) -> str:
        return squad

    return bench.client(router(bench.access, bench.guard), pages)


def sign_in(bench: AccessBench, browser: TestClient, name: str, **headers: str) -> int:
    path = bench.access.sign_in_link(name).removeprefix("http://northstar.test")
    return browser.get(path, headers=headers, follow_redirects=False).status_code


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_on_another_site_changes_nothing_even_with_the_token(
    bench: AccessBench, browser: TestClient, headers: dict[str, str]
) -> None:
    bench.principal("olga", "squad-owner", "/operations")
    sign_in(bench, browser, "olga")
    csrf = browser.get("/form").json()
    refused = browser.post("/squads/operations", data={"csrf": csrf}, headers=headers)
    assert refused.status_code == 403
    own = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    assert browser.post("/squads/operations", data={"csrf": csrf}, headers=own).is_success


def test_the_token_of_another_session_is_of_no_use(bench: AccessBench, browser: TestClient) -> None:
    bench.principal("olga", "squad-owner", "/operations")
    sign_in(bench, browser, "olga")
    stolen = browser.get("/form").json()
    sign_in(bench, browser, "olga")
    assert browser.post("/squads/operations", data={"csrf": stolen}).status_code == 403


def test_a_session_that_was_planted_does_not_become_the_victims(
    bench: AccessBench, browser: TestClient
) -> None:
    bench.principal("olga", "squad-owner", "/operations")
    mallory = bench.principal("mallory")
    planted = bench.session(mallory.id)
    browser.cookies.set(COOKIE, planted)
    assert sign_in(bench, browser, "olga") == 303
    assert browser.cookies.get(COOKIE, domain="testserver.local") != planted
    with pytest.raises(BadCredentials):
        bench.access.authenticate_session(planted)


def test_a_cookie_of_ones_own_making_is_none(bench: AccessBench, browser: TestClient) -> None:
    code = bench.access.sessions.new_code(bench.principal("olga").id, by="test")
    for value in ("", "chosen", code):  # a link's code is no session either
        browser.cookies.set(COOKIE, value)
        assert browser.get("/form").status_code == 401


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_signs_nobody_in(bench: AccessBench, browser: TestClient, site: str) -> None:
    bench.principal("mallory")
    assert sign_in(bench, browser, "mallory", **{"Sec-Fetch-Site": site}) == 401
    assert sign_in(bench, browser, "mallory", **{"Sec-Fetch-Site": "none"}) == 303


@pytest.fixture(params=["sqlite", "postgresql"])
def access(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AccessService]:
    url = f"sqlite:///{tmp_path / 'race.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    database = Database(url)
    metadata.create_all(database.engine, tables=list(store.TABLES))
    yield AccessService(database, SystemClock(), "http://northstar.test")
    database.close()


def test_a_link_works_once_also_for_many_at_once(access: AccessService) -> None:
    access.directory.ensure(principal_of("user", "anna"), ())
    code = access.sessions.new_code("user:anna", by="test")

    def redeem(sessions: Sessions) -> bool:
        try:
            sessions.redeem(code)
        except BadCredentials:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(redeem, [access.sessions] * 8)) == 1


def test_signing_in_and_failing_to_are_on_record(bench: AccessBench, browser: TestClient) -> None:
    bench.principal("olga")
    sign_in(bench, browser, "olga")
    browser.get("/sign-in?code=guess-7Q")
    failed, done = bench.access.audit.entries(AuditQuery(action="session:start"))
    assert (done.principal, done.outcome) == ("user:olga", "done")
    assert (failed.principal, failed.outcome) == ("unknown", "denied")
    assert (done.credential or "").startswith("link:")
    assert "was used before" in str(failed.detail["reason"])
    assert "7Q" not in str(failed)
