"""Environments and freezes as resources: the real terraform, a real platform, and its page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from northstar.access.client import AccessClient
from northstar.environments.client import EnvironmentsClient, FreezesClient
from northstar.environments.domain import Environment
from tests.embedded import Embedded
from tests.terraform.workspace import Workspace

PEAK = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
OVER = PEAK + timedelta(days=14)

ENVIRONMENT = """
resource "northstar_environment" "prod" {{
  name              = "prod"
  description       = "{about}"
  owners            = ["platform-team", "user:olga"]
  region            = "westeurope"
  drift_check_hours = 12
}}
"""
FREEZE = """
resource "northstar_release_freeze" "peak" {{
  environment = "{environment}"
  reason      = "The peak season."
  starts_at   = "{starts}"
  ends_at     = "{ends}"
}}
"""
DATA = """
data "northstar_environment" "prod" {
  name       = "prod"
  depends_on = [northstar_environment.prod]
}

output "region" {
  value = data.northstar_environment.prod.region
}
"""


def environment(about: str = "What flies.") -> str:
    return ENVIRONMENT.format(about=about)


def freeze(environment: str = "prod", ends: datetime = OVER) -> str:
    return FREEZE.format(environment=environment, starts=PEAK.isoformat(), ends=ends.isoformat())


@pytest.fixture
def environments(embedded: Embedded) -> Iterator[EnvironmentsClient]:
    yield EnvironmentsClient(embedded.connection)
    embedded.connection.delete("/api/environments/prod")


@pytest.fixture
def freezes(embedded: Embedded) -> Iterator[FreezesClient]:
    client = FreezesClient(embedded.connection)
    yield client
    for one in client.freezes(ended=True):
        client.lift(one.id)


def test_an_environment_and_its_freeze_are_applied_changed_and_put_back(
    root: Workspace, environments: EnvironmentsClient, freezes: FreezesClient
) -> None:
    everything = environment() + freeze() + DATA
    root.apply(everything)

    said = environments.status("prod").environment
    assert said == Environment(
        name="prod",
        description="What flies.",
        owners=("platform-team", "user:olga"),
        region="westeurope",
        drift_check_hours=12,
    )
    (made,) = freezes.freezes()
    assert (made.environment, made.squad, made.starts_at, made.ends_at) == (
        "prod",
        None,
        PEAK,
        OVER,
    )
    again = root.plan(everything, "-detailed-exitcode")
    assert (again.exit_code, again.changes, again.drift) == (0, {}, {})
    assert root.output("region") == "westeurope"

    later = OVER.astimezone(UTC) + timedelta(days=1)
    changed = root.apply(environment("All of it.") + freeze(ends=later))
    assert changed.changes == {
        "northstar_environment.prod": "update",
        "northstar_release_freeze.peak": "update",
    }
    assert environments.status("prod").environment.description == "All of it."
    assert [(one.id, one.ends_at) for one in freezes.freezes()] == [(made.id, later)]

    moved = root.plan(environment("All of it.") + freeze("staging", later))
    assert moved.changes == {"northstar_release_freeze.peak": "replace"}

    assert root.destroy().exit_code == 0
    assert environments.status("prod").environment == Environment(name="prod")
    assert freezes.freezes() == []


def test_what_is_changed_on_the_page_is_drift_in_the_next_plan(
    root: Workspace,
    embedded: Embedded,
    environments: EnvironmentsClient,
    freezes: FreezesClient,
) -> None:
    everything = environment() + freeze()
    root.apply(everything)
    (made,) = freezes.freezes()
    by_hand = freezes.set("prod", "The database moves.", PEAK + timedelta(hours=1))
    with browser(embedded) as page:
        send(page, f"/environments/freezes/{made.id}/lift")
        send(page, "/environments/prod", description="Mine now.", drift_check_hours="12")

    said = root.plan(everything, "-detailed-exitcode")
    assert said.exit_code == 2
    assert said.drift == {
        "northstar_environment.prod": "update",
        "northstar_release_freeze.peak": "delete",
    }
    assert said.changes == {**said.drift, "northstar_release_freeze.peak": "create"}
    root.apply(everything)
    assert root.plan(everything, "-detailed-exitcode").exit_code == 0
    assert environments.status("prod").environment.description == "What flies."
    assert by_hand.id in [one.id for one in freezes.freezes()]  # what was set by hand stays


def test_what_is_there_is_imported_as_it_is(
    root: Workspace, environments: EnvironmentsClient, freezes: FreezesClient
) -> None:
    environments.set(
        Environment(
            name="prod",
            description="What flies.",
            owners=("platform-team", "user:olga"),
            region="westeurope",
            drift_check_hours=12,
        )
    )
    made = freezes.set("prod", "The peak season.", OVER, PEAK)
    imports = (
        'import {\n  to = northstar_environment.prod\n  id = "prod"\n}\n'
        f'import {{\n  to = northstar_release_freeze.peak\n  id = "{made.id}"\n}}\n'
    )
    everything = environment() + freeze()
    root.apply(everything + imports)
    assert root.plan(everything, "-detailed-exitcode").exit_code == 0
    assert [one.id for one in freezes.freezes()] == [made.id]


def test_mistakes_are_shown_before_anything_is_applied(root: Workspace) -> None:
    wrong = environment().replace('"prod"', '"production"') + freeze().replace("+00:00", "")
    said = [one["detail"] for one in root.validate(wrong)]
    assert any("'dev', 'staging' or 'prod'" in one for one in said)
    assert any("timezone" in one for one in said)


@contextmanager
def browser(embedded: Embedded) -> Iterator[httpx2.Client]:
    """A browser in which the administrator has signed in."""
    with httpx2.Client(base_url=embedded.url, follow_redirects=True) as client:
        client.get(AccessClient(embedded.connection).sign_in_link())
        yield client


def send(page: httpx2.Client, address: str, **fields: str) -> None:
    """Fill in a form of the page of environments, and send it."""
    text = page.get("/environments").text
    assert f'action="{address}"' in text, text
    token = re.search(r'name="csrf" value="([0-9a-f]+)"', text)
    assert token
    page.post(address, data={"csrf": token[1], **fields}).raise_for_status()
