"""Acting by way of a run, a job or a program, so that one's own work looks like somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from northstar.access import api as access_api
from northstar.access.domain import AuditQuery
from northstar.access.guard import Guard
from northstar.access.testing import AccessBench
from northstar.connection import PLATFORM_AUDIENCE
from northstar.names import Scope
from northstar.platform.adapters import JobPlatform
from northstar.registry import api as registry_api
from northstar.release import api as release_api
from tests.release.world import PROJECT, World

_PROJECT = "/api/squads/operations/projects/late-arrival"
_RELEASES = f"{_PROJECT}/environments/prod/releases"
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


class Platform:
    """Releases, versions and tokens over HTTP; anna, ben and chris own the squad."""

    def __init__(self, folder: Path) -> None:
        self.world = world = World(folder)
        self.jobs = JobPlatform(world.registry, world.access, world.releases, "http://platform")
        guard = Guard(world.access)
        self.http: TestClient = AccessBench(folder / "errors").client(
            access_api.router(world.access, guard),
            registry_api.router(world.registry, guard),
            release_api.router(world.releases, guard),
        )
        world.access.directory.create("service", "ci", "test", with_secret=False)
        world.give("service:ci", "squad-owner", "/operations")

    def send(self, who: str, method: str, path: str, body: Any = None) -> Any:
        known = self.world.access.directory.get(who)
        return self.as_bearer(
            self.world.access.token_for(known, PLATFORM_AUDIENCE).access_token, method, path, body
        )

    def as_bearer(self, token: str, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        return self.http.request(method, path, json=body, headers=headers)

    def token_of_a_run(self, started_by: str) -> str:
        """What the script of a job gets when it asks for a token."""
        found = self.jobs.environment(PROJECT, started_by)
        form = {
            "grant_type": "client_credentials",
            "client_id": found["NORTHSTAR_CLIENT_ID"],
            "client_secret": found["NORTHSTAR_CLIENT_SECRET"],
        }
        return str(self.http.post("/oauth/token", data=form).json()["access_token"])

    def register(self, token: str, version: int = 1) -> Any:
        self.world.offer_model(version)
        body = self.world.registration(version).model_dump(mode="json")
        return self.as_bearer(token, "POST", f"{_PROJECT}/versions", body)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    (tmp_path / "errors").mkdir()
    made = Platform(tmp_path)
    yield made
    made.world.database.close()


@pytest.mark.parametrize("proposer", ["user:ben", "service:ci"])
@pytest.mark.parametrize("exchanged", [False, True])
def test_who_started_a_run_does_not_approve_what_it_registered(
    platform: Platform, proposer: str, exchanged: bool
) -> None:
    token = platform.token_of_a_run("user:anna")
    if exchanged:  # another token of the same run says so, too
        form = {"grant_type": _EXCHANGE, "subject_token": token}
        token = platform.http.post("/oauth/token", data=form).json()["access_token"]
    made = platform.register(token).json()
    assert (made["registered_by"], made["started_by"]) == (f"managed:run/{PROJECT}", "user:anna")
    proposed = platform.send(proposer, "POST", _RELEASES, {"version": 1}).json()
    place = f"{_RELEASES}/{proposed['id']}/approve"
    refused = platform.send("user:anna", "POST", place, {})
    assert (refused.status_code, "who started the run" in refused.json()["message"]) == (403, True)
    assert not platform.world.access.allowed(
        platform.world.anna,
        "release:approve",
        Scope("operations", "late-arrival", "prod"),
        **platform.world.releases.waiting()[0].authors,
    )
    assert platform.send("user:chris", "POST", place, {}).is_success
    denied = platform.world.access.audit.entries(
        AuditQuery(action="release:approve", outcome="denied")
    )
    assert {one.principal for one in denied} == {"user:anna"}


def test_a_token_that_a_script_put_aside_registers_nothing_after_its_job(
    platform: Platform,
) -> None:
    kept = platform.token_of_a_run("user:ben")
    platform.world.clock.advance(1)
    platform.jobs.withdraw(PROJECT)  # as the job's end does
    platform.world.clock.advance(1)
    platform.token_of_a_run("user:chris")  # of the job after it
    assert platform.register(kept).status_code == 401


def test_a_caller_does_not_say_who_started_its_run(platform: Platform) -> None:
    """Neither in the body, nor as somebody who is no run."""
    world = platform.world
    world.offer_model(1)
    body = world.registration(1).model_dump(mode="json") | {"started_by": "user:ben"}
    platform.send("user:anna", "POST", f"{_PROJECT}/versions", body)
    form = {"grant_type": "client_credentials", "started_by": "user:ben"}
    own = world.access.directory.new_secret("user:anna", "test")
    asked = platform.http.post("/oauth/token", data=form | own.model_dump())
    platform.register(asked.json()["access_token"], 2)
    for known in world.registry.list(PROJECT):
        assert (known.registered_by, known.started_by) == ("user:anna", "")


def test_a_run_and_a_program_neither_propose_as_a_run_nor_approve(platform: Platform) -> None:
    token = platform.token_of_a_run("user:anna")
    platform.register(token)
    assert platform.as_bearer(token, "POST", _RELEASES, {"version": 1}).status_code == 403
    proposed = platform.send("user:ben", "POST", _RELEASES, {"version": 1}).json()
    place = f"{_RELEASES}/{proposed['id']}/approve"
    assert platform.as_bearer(token, "POST", place, {}).status_code == 403
    assert platform.send("service:ci", "POST", place, {}).status_code == 403
    assert platform.world.releases.waiting()


def test_the_audit_leads_from_what_a_run_did_to_who_started_it(platform: Platform) -> None:
    platform.register(platform.token_of_a_run("user:anna"))
    audit = platform.world.access.audit
    (registered,) = audit.entries(AuditQuery(action="version:register"))
    (issued,) = audit.entries(AuditQuery(action="token:issue"))
    (secret,) = audit.entries(AuditQuery(action="principal:secret"))
    assert registered.credential == f"token:{issued.detail['token']}"
    assert issued.credential == "secret:" + str(secret.detail["credential"]).split()[1]
    assert secret.detail["started_by"] == "user:anna"
