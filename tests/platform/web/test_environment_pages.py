"""The page of environments: who sees what, and what its forms do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from northstar.access.domain import AuditQuery
from northstar.names import Scope
from tests.monitoring.bench import PROD
from tests.platform.web.test_forms import send
from tests.platform.web.world import PLACE, PROJECT, WebWorld

MONTH = timedelta(days=30)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebWorld]:
    world = WebWorld(tmp_path_factory.mktemp("web"), weeks=4)
    yield world
    world.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[WebWorld]:
    world = WebWorld(tmp_path, weeks=4)
    yield world
    world.close()


def section(browser: TestClient, name: str) -> str:
    """What the page says of one environment."""
    found = re.search(
        rf'<section id="{name}".*?</section>', browser.get("/environments").text, re.S
    )
    assert found
    return found[0]


def test_it_says_what_differs_that_a_check_is_overdue_and_what_failed(world: WebWorld) -> None:
    staging = section(world.browser("dora"), "staging")
    for told in (
        "differs from its code",
        "was changed by hand",
        "The next check was due",
        "waived",
    ):
        assert told in staging
    assert "not met" in staging
    assert "nothing applied" in section(world.browser("dora"), "prod")


def test_a_squad_sees_that_there_is_drift_and_the_platforms_readers_which(world: WebWorld) -> None:
    staging = section(world.browser("anna"), "staging")
    assert "differs from its code" in staging
    for hidden in ("was changed by hand", "What policies say", "What was reported"):
        assert hidden not in staging


def test_a_freeze_says_until_when_and_for_whom(world: WebWorld) -> None:
    assert "operations/late-arrival</strong> may release until" in section(
        world.browser("anna"), "dev"
    )
    assert "Releases of operations" in section(world.browser("anna"), "prod")
    stranger = world.browser("carl")
    assert "Releases of operations" not in section(stranger, "prod")
    assert "late-arrival" not in section(stranger, "dev")


def test_who_may_not_change_it_has_no_forms(world: WebWorld) -> None:
    for name in ("anna", "carl"):
        page = world.browser(name).get("/environments").text
        assert 'action="/environments' not in page
    owner = world.browser("ben")
    assert 'action="/environments/prod/freezes"' in section(owner, "prod")
    assert "everybody’s" not in section(owner, "prod")
    assert 'action="/environments/prod"' not in section(owner, "prod")


def test_what_is_said_of_an_environment_is_changed_on_the_page(fresh: WebWorld) -> None:
    sent = send(
        fresh.browser("dora"),
        "/environments",
        "/environments/prod",
        description="What flies.",
        owners="platform-team, user:olga",
        drift_check_hours="12",
    )
    assert sent == 303
    said = fresh.platform.environments.environment("prod")
    assert said.description == "What flies."
    assert said.owners == ("platform-team", "user:olga")
    entry = fresh.platform.access.audit.entries(
        AuditQuery(action="environment:update", outcome="done")
    )[0]
    assert entry.principal == "user:dora"


def test_a_freeze_is_set_and_lifted_on_the_page_and_approvals_say_why_not(fresh: WebWorld) -> None:
    browser, until = fresh.browser("dora"), datetime.now(UTC) + MONTH
    fields = {"reason": "Peak season", "until": f"{until:%Y-%m-%dT%H:%M}"}
    assert send(browser, "/environments", "/environments/prod/freezes", **fields) == 303
    assert "prod is frozen until" in fresh.browser("ben").get("/approvals").text
    approve = f"{PLACE}/environments/prod/releases/{fresh.waiting}/approve"
    assert approve not in fresh.browser("ben").get("/approvals").text
    freeze = fresh.platform.freezes.holding(PROD)
    assert freeze is not None

    let = {"project": str(PROJECT), "reason": "Urgent", "hours": "2"}
    place = f"/environments/freezes/{freeze.id}"
    assert send(browser, "/environments", f"{place}/exempt", **let) == 303
    assert approve in fresh.browser("ben").get("/approvals").text
    assert send(browser, "/environments", f"{place}/lift") == 303
    assert fresh.platform.freezes.holding(PROD) is None
    assert (
        send(browser, "/environments", "/environments/prod/freezes", reason="x", until="y") == 422
    )


def test_an_alert_about_an_environment_is_handled_among_the_others(fresh: WebWorld) -> None:
    (alert,) = fresh.platform.monitoring.alerts("staging")
    browser, place = fresh.browser("dora"), f"/environments/staging/alerts/{alert.id}"
    page = browser.get("/alerts?kind=infrastructure").text
    assert '<a href="/environments#staging">staging</a>' in page
    assert send(browser, "/alerts", f"{place}/acknowledge", note="mine") == 303
    assert send(browser, "/alerts", f"{place}/resolve") == 303
    assert fresh.platform.monitoring.alert(alert.id).state == "resolved"
    assert place not in fresh.browser("anna").get("/alerts?state=all").text


def test_no_form_of_environments_works_without_its_token(fresh: WebWorld) -> None:
    directory = fresh.platform.access.directory
    directory.assign("user:anna", "release-manager", Scope(), "user:dora")
    browser = fresh.browser("anna")
    for address in ("/environments/prod/freezes", "/environments/freezes/1/lift"):
        assert browser.post(address, data={"csrf": "0" * 64}).status_code == 403
    assert fresh.platform.freezes.freeze(1).id == 1
