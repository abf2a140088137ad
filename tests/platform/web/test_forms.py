"""What the forms do; each test has a story of its own, for forms change it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from northstar.names import Scope
from tests.monitoring.bench import PROD
from tests.platform.web.world import HOSTILE, PLACE, WebWorld

ENDPOINT = f"{PLACE}/environments/prod"


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[WebWorld]:
    world = WebWorld(tmp_path, weeks=4)
    yield world
    world.close()


def send(browser: TestClient, page: str, address: str, **fields: str) -> int:
    """Fill in the form that stands on ``page``, and send it to ``address``."""
    text = browser.get(page).text
    assert address in text, f"{page} has no form for {address}"
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', text)
    assert found
    data = {"csrf": found.group(1), **fields}
    return browser.post(address, data=data, follow_redirects=False).status_code


def test_an_approver_approves(fresh: WebWorld) -> None:
    address = f"{ENDPOINT}/releases/{fresh.waiting}/approve"
    assert send(fresh.browser("ben"), "/approvals", address, reason=HOSTILE) == 303
    release = fresh.platform.releases.get(PROD, fresh.waiting)
    assert release.state == "approved"
    assert release.approved_by == ("user:ben",)


def test_a_rejection_needs_a_reason(fresh: WebWorld) -> None:
    browser, address = fresh.browser("ben"), f"{ENDPOINT}/releases/{fresh.waiting}/reject"
    assert send(browser, "/approvals", address, reason="") == 422
    assert send(browser, "/approvals", address, reason="not now") == 303
    assert fresh.platform.releases.get(PROD, fresh.waiting).state == "rejected"


def test_the_proposer_is_told_why_not_and_cannot_anyway(fresh: WebWorld) -> None:
    fresh.platform.access.directory.assign(
        "user:anna", "approver", Scope("operations"), "user:dora"
    )
    browser = fresh.browser("anna")
    assert "Who proposed a release may not approve it." in browser.get("/approvals").text
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', browser.get("/").text)
    assert csrf
    address = f"{ENDPOINT}/releases/{fresh.waiting}/approve"
    assert browser.post(address, data={"csrf": csrf.group(1)}).status_code == 403
    assert fresh.platform.releases.get(PROD, fresh.waiting).state == "proposed"


def test_an_alert_is_acknowledged_then_resolved_from_where_it_is_seen(fresh: WebWorld) -> None:
    browser = fresh.browser("anna")
    alert = fresh.platform.monitoring.alerts(PROD, "open")[0]
    place = f"{ENDPOINT}/alerts/{alert.id}"
    assert send(browser, PLACE, f"{place}/acknowledge", note=HOSTILE) == 303
    assert send(browser, "/alerts", f"{place}/resolve") == 303
    done = fresh.platform.monitoring.alert(alert.id)
    assert done.state == "resolved"
    assert [event.by for event in done.events[-2:]] == ["user:anna", "user:anna"]


def test_no_form_works_without_its_token(fresh: WebWorld) -> None:
    browser = fresh.browser("ben")
    alert = fresh.platform.monitoring.alerts(PROD, "open")[0].id
    for address in (
        f"{ENDPOINT}/releases/{fresh.waiting}/approve",
        f"{ENDPOINT}/releases/{fresh.waiting}/reject",
        f"{ENDPOINT}/alerts/{alert}/acknowledge",
        f"{ENDPOINT}/alerts/{alert}/resolve",
        "/sign-out",
    ):
        for data in ({"reason": "x"}, {"reason": "x", "csrf": "0" * 64}):
            assert browser.post(address, data=data).status_code == 403, address
    assert browser.get("/").status_code == 200, "still signed in"


def test_a_reader_has_no_forms(fresh: WebWorld) -> None:
    directory = fresh.platform.access.directory
    directory.assign("user:carl", "reader", Scope("operations"), "user:dora")
    browser = fresh.browser("carl")
    for page in ("/approvals", "/alerts", PLACE):
        assert "/approve" not in browser.get(page).text.replace('href="/approvals"', "")
        assert "/acknowledge" not in browser.get(page).text


def test_a_form_never_leads_to_another_site(fresh: WebWorld) -> None:
    browser = fresh.browser("ben")
    alert = fresh.platform.monitoring.alerts(PROD, "open")[0].id
    token = re.search(r'name="csrf" value="([0-9a-f]+)"', browser.get("/alerts").text)
    assert token
    answer = browser.post(
        f"{ENDPOINT}/alerts/{alert}/acknowledge",
        data={"csrf": token.group(1)},
        headers={"referer": "http://testserver//evil.example/"},
        follow_redirects=False,
    )
    assert answer.headers["location"] == "/evil.example/"


def test_signing_out_ends_the_session(fresh: WebWorld) -> None:
    browser = fresh.browser("ben")
    assert send(browser, "/", "/sign-out") == 303
    assert browser.get("/").status_code == 401
