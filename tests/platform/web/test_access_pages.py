"""Who has what: seen, given, taken, asked for and decided upon, from the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from northstar.access.domain import AuditQuery
from northstar.names import Scope
from tests.platform.web.world import HOSTILE, WebWorld

PAGE = "/access?scope=/operations"


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[WebWorld]:
    world = WebWorld(tmp_path, weeks=4)
    yield world
    world.close()


def send(browser: TestClient, address: str, **fields: str) -> int:
    """Fill in the form that stands on the page, and send it."""
    text = browser.get(PAGE).text
    assert f'action="{address}"' in text, f"there is no form for {address}"
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', text)
    assert found
    data = {"csrf": found.group(1), **fields}
    return browser.post(address, data=data, follow_redirects=False).status_code


def held_by(world: WebWorld, principal: str) -> set[tuple[str, str]]:
    return {(a.role, a.scope) for a in world.platform.access.directory.assignments(principal)}


def test_an_owner_sees_who_has_what_and_where_it_comes_from(world: WebWorld) -> None:
    text = world.browser("ben").get(PAGE).text
    for told in ("user:anna", "data-scientist", "operator", "until"):
        assert told in text
    assert "user:carl" not in text, "carl is of another squad"


def test_who_owns_nothing_sees_roles_and_gives_none(world: WebWorld) -> None:
    text = world.browser("anna").get(PAGE).text
    assert "user:ben" in text
    assert "Give a role" not in text
    assert 'action="/access/roles' not in text


def test_a_reader_of_another_squad_learns_nothing(world: WebWorld) -> None:
    text = world.browser("carl").get(PAGE).text
    assert "You see your own roles" in text
    for hidden in ("user:anna", "user:ben", "late-arrival", "On duty"):
        assert hidden not in text
    assert "/operations" not in world.browser("carl").get("/access").text


def test_an_owner_sees_which_secret_of_the_squads_ends_soon(fresh: WebWorld) -> None:
    for name in ("operations/ci", "pricing/ci"):
        fresh.platform.access.directory.create("service", name, "test", lasts=timedelta(days=20))
    text = fresh.browser("ben").get(PAGE).text
    assert "northstar principal secret service:operations/ci" in text
    assert "service:pricing/ci" not in text
    assert "Ends soon" not in fresh.browser("carl").get(PAGE).text


def test_an_owner_gives_and_takes_a_role(fresh: WebWorld) -> None:
    ben = fresh.browser("ben")
    fields = {"principal": "user:carl", "role": "approver", "scope": "/operations", "days": "7"}
    assert send(ben, "/access/roles", **fields) == 303
    (made,) = fresh.platform.access.directory.assignments("user:carl", Scope("operations"))
    assert made.expires_at is not None
    entry = fresh.platform.access.audit.entries(AuditQuery(action="role:assign", limit=1))[0]
    assert (entry.principal, entry.detail["principal"]) == ("user:ben", "user:carl")
    assert send(ben, f"/access/roles/{made.id}/take") == 303
    assert ("approver", "/operations") not in held_by(fresh, "user:carl")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"principal": "user:ben", "role": "approver"}, 403),
        ({"principal": "user:carl", "role": "platform-admin"}, 403),
        ({"principal": "user:carl", "role": "run"}, 403),
        ({"principal": "user:carl", "role": "reader", "scope": "/pricing"}, 403),
        ({"principal": "user:nobody", "role": "reader"}, 404),
        ({"principal": "user:carl", "role": "king"}, 422),
        ({"principal": "user:carl", "role": "reader", "scope": HOSTILE}, 422),
        ({"principal": "user:carl", "role": "reader", "days": "soon"}, 422),
    ],
)
def test_the_form_gives_no_more_than_its_sender_may(
    world: WebWorld, fields: dict[str, str], status: int
) -> None:
    sent = {"scope": "/operations", **fields}
    assert send(world.browser("ben"), "/access/roles", **sent) == status


def test_a_role_is_asked_for_and_given_by_somebody_else(fresh: WebWorld) -> None:
    anna, ben, place = fresh.browser("anna"), fresh.browser("ben"), "/access/requests"
    assert f'action="{place}/{fresh.wish}/approve"' not in anna.get(PAGE).text
    assert send(ben, f"{place}/{fresh.wish}/approve", reason="Yes") == 303
    assert ("approver", "/operations") in held_by(fresh, "user:anna")
    assert send(anna, f"{place}/{fresh.wish}/end") == 303
    assert ("approver", "/operations") not in held_by(fresh, "user:anna")
    fields = {"role": "squad-owner", "scope": "/operations", "hours": "3", "reason": "Holiday"}
    assert send(anna, place, **fields) == 303
    newest = fresh.platform.elevations.seen_by(fresh.anna)[0]
    assert send(ben, f"{place}/{newest.id}/reject", reason="Ask Dora") == 303
    assert "Ask Dora" in anna.get(PAGE).text


def test_a_request_is_withdrawn_by_who_asked(fresh: WebWorld) -> None:
    place = f"/access/requests/{fresh.wish}"
    assert f"{place}/withdraw" not in fresh.browser("ben").get(PAGE).text
    assert send(fresh.browser("anna"), f"{place}/withdraw") == 303
    assert fresh.platform.elevations.get(fresh.anna, fresh.wish).state == "withdrawn"


def test_no_form_of_the_page_works_without_its_token(world: WebWorld) -> None:
    browser = world.browser("ben")
    addresses = re.findall(r'method="post" action="([^"]+)"', browser.get(PAGE).text)
    assert len(set(addresses)) >= 5
    for address in {*addresses, "/access/requests"}:
        for data in ({}, {"csrf": "0" * 64}):
            assert browser.post(address, data=data).status_code == 403, address


def test_the_audit_is_filtered_by_day(world: WebWorld) -> None:
    browser = world.browser("dora")
    assert "No such entry" in browser.get("/audit?until=2001-01-01").text
    assert "session:start" in browser.get("/audit?since=2001-01-01&action=session:start").text
    assert browser.get("/audit?since=2001-02-31").status_code == 422
