"""Release freezes: who sets them, what they hold, and how they end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from northstar.access.domain import AuditQuery
from northstar.environments.client import FreezesClient
from northstar.environments.freeze_service import FreezeService
from northstar.errors import Denied, Invalid, NotFound
from northstar.names import EndpointRef
from northstar.platform.wiring import holds
from northstar.project.fake import FakeWorkspaces
from northstar.project.service import ProjectService
from northstar.project.store import ProjectStore
from northstar.release.domain import DIRECT, Hold
from northstar.release.errors import EnvironmentFrozen
from northstar.standards.domain import Parameters
from tests.environments.office import HOUR, OTHER, PROJECT, Office
from tests.failing_audit import failing_audit
from tests.release.world import DEV, PROD, World


class Frozen(World):
    """Releases that ask real freezes; dora manages them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        projects = ProjectService(ProjectStore(self.database), FakeWorkspaces(), self.clock)
        projects.create_squad(PROJECT.squad, "", "x")
        projects.create_project(PROJECT, "", "x")
        self.freezes = FreezeService(self.database, self.clock, projects, self.access)
        self.dora = self.person("dora")
        self.give(self.dora.id, "release-manager", "/")

    def held(self, endpoint: EndpointRef) -> Hold | None:
        return holds(self.freezes)(endpoint)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Frozen]:
    world = Frozen(tmp_path)
    yield world
    world.database.close()


def test_the_denial_says_why_until_when_and_who_can_lift_it(world: Frozen) -> None:
    world.register(1)
    ends = world.clock.now() + 48 * HOUR
    made = world.freezes.set("prod", None, "The peak season.", None, ends, world.dora)
    with pytest.raises(EnvironmentFrozen) as refused:
        world.releases.propose(PROD, 1, world.anna)
    assert refused.value.message == "prod is frozen until 2026-01-03 00:00 UTC: The peak season."
    assert "user:dora set freeze" in refused.value.hint
    assert "release-manager, platform-admin in /" in refused.value.hint
    assert f"northstar env freeze exempt {made.id} operations/late-arrival" in refused.value.hint


def test_a_freeze_ends_by_itself_and_what_waited_goes_on(world: Frozen) -> None:
    world.register(1)
    world.releases.propose(DEV, 1, world.anna, DIRECT)
    ends = world.clock.now() + HOUR
    world.freezes.set("dev", None, "A migration.", None, ends, world.dora)
    assert world.releases.step() == 0
    world.clock.advance(3600)
    world.settle()
    assert world.states() == {1: "live"}


def test_an_exempted_project_releases_as_ever_until_the_exemption_ends(world: Frozen) -> None:
    world.register(1)
    ends = world.clock.now() + 240 * HOUR
    made = world.freezes.set("dev", None, "The peak season.", None, ends, world.dora)
    world.freezes.exempt(made.id, PROJECT, "Fares are wrong.", 2, world.dora)
    world.releases.propose(DEV, 1, world.anna, DIRECT)
    world.settle()
    assert world.states() == {1: "live"}

    world.clock.advance(2 * 3600)
    world.register(2, live=1)
    with pytest.raises(EnvironmentFrozen):
        world.releases.propose(DEV, 2, world.anna, DIRECT)
    told = world.access.audit.entries(AuditQuery(action="freeze:exempted"))[0]
    assert (told.principal, told.detail["reason"]) == ("user:dora", "Fares are wrong.")
    assert told.detail["project"] == "operations/late-arrival"


_DEEDS: dict[str, Callable[[Frozen], object]] = {
    "freeze": lambda w: w.freezes.set("dev", None, "Why.", None, w.clock.now() + HOUR, w.dora),
    "change": lambda w: w.freezes.change(1, w.dora, reason="Another."),
    "lift": lambda w: w.freezes.lift(1, w.dora),
    "exempt": lambda w: w.freezes.exempt(1, PROJECT, "Fares are wrong.", 2, w.dora),
    "propose": lambda w: w.releases.propose(DEV, 1, w.anna, DIRECT),
    "approve": lambda w: w.releases.approve(PROD, 1, w.ben),
    "reject": lambda w: w.releases.reject(PROD, 1, w.ben, "No."),
    "thresholds": lambda w: w.standards.set_parameters(Parameters(minimum_rows_test=9), "user:x"),
    "reset": lambda w: w.standards.reset_parameters("user:x"),
}


@pytest.mark.parametrize("deed", _DEEDS.values(), ids=_DEEDS)
def test_what_is_not_recorded_does_not_take_effect(
    world: Frozen, deed: Callable[[Frozen], object]
) -> None:
    world.register(1)
    world.releases.propose(PROD, 1, world.anna, DIRECT)
    world.standards.set_parameters(Parameters(minimum_rows_test=300), "user:x")
    world.freezes.set("staging", None, "Why.", None, world.clock.now() + 2 * HOUR, world.dora)

    def held() -> object:
        releases = [world.releases.releases(endpoint) for endpoint in (DEV, PROD)]
        return world.freezes.freezes(ended=True), world.standards.parameters(), releases

    before, recorded = (
        held(),
        len(world.access.audit.entries(AuditQuery(outcome="done", limit=1000))),
    )
    with failing_audit(world.database), pytest.raises(DBAPIError):
        deed(world)
    assert held() == before
    deed(world)
    assert held() != before
    assert len(world.access.audit.entries(AuditQuery(outcome="done", limit=1000))) > recorded


def test_a_freeze_of_one_squad_holds_nobody_else(office: Office) -> None:
    ends = office.clock.now() + HOUR
    owner = office.freezes("squad-owner", "/operations")
    owner.set("prod", "Our own migration.", ends, squad="operations")
    held = office.platform.releases.hold
    assert held(PROD)
    assert held(DEV) is None
    assert held(EndpointRef(OTHER.squad, OTHER.project, "prod")) is None


def test_who_freezes_everybody_has_that_right_in_the_platform(office: Office) -> None:
    ends = office.clock.now() + HOUR
    for role, scope in (("squad-owner", "/operations"), ("release-manager", "/operations")):
        with pytest.raises(Denied):
            office.freezes(role, scope).set("prod", "Peak.", ends)
    with pytest.raises(Denied):
        office.freezes("operator").set("prod", "Peak.", ends)
    made = office.freezes("release-manager").set("prod", "Peak.", ends)
    asks: list[Callable[[FreezesClient], object]] = [
        lambda client: client.lift(made.id),
        lambda client: client.change(made.id, ends_at=ends + HOUR),
        lambda client: client.exempt(made.id, PROJECT, "Ours is urgent.", 1),
    ]
    for ask in asks:
        with pytest.raises(Denied):
            ask(office.freezes("squad-owner", "/operations"))


def test_a_freeze_is_lengthened_and_lifted_and_is_gone(office: Office) -> None:
    ends = office.clock.now() + HOUR
    manager = office.freezes()
    made = manager.set("prod", "Peak.", ends)
    assert manager.change(made.id, ends_at=ends + HOUR).ends_at == ends + HOUR
    assert manager.freeze(made.id).reason == "Peak."
    manager.lift(made.id)
    assert manager.freezes() == []
    assert office.platform.releases.hold(PROD) is None
    with pytest.raises(NotFound, match="or it was lifted"):
        manager.freeze(made.id)
    deeds = office.platform.access.audit.entries(
        AuditQuery(principal="user:release-manager", outcome="done")
    )
    assert [one.action for one in deeds] == ["freeze:lifted", "freeze:changed", "freeze:set"]


def test_a_freeze_in_another_time_zone_is_told_in_utc(office: Office) -> None:
    ends = (office.clock.now() + 24 * HOUR).astimezone(timezone(5 * HOUR))
    manager = office.freezes()
    made = manager.set("prod", "Peak.", ends)
    assert made.told == f"prod is frozen until {ends.astimezone(UTC):%Y-%m-%d %H:%M} UTC: Peak."
    later = manager.change(made.id, ends_at=ends + HOUR)
    assert (later.ends_at, later.ends_at.utcoffset()) == (ends + HOUR, timedelta())


def test_of_two_who_lift_a_freeze_at_once_one_did(office: Office) -> None:
    manager = office.freezes()
    made = manager.set("prod", "Peak.", office.clock.now() + HOUR)
    who = office.platform.access.directory.get("user:release-manager")
    with ThreadPoolExecutor(4) as replicas:
        tries = [replicas.submit(office.platform.freezes.lift, made.id, who) for _ in range(8)]
    assert [one.exception() for one in tries].count(None) == 1
    deeds = office.platform.access.audit.entries(AuditQuery(principal=who.id, outcome="done"))
    assert [one.action for one in deeds] == ["freeze:lifted", "freeze:set"]


def test_a_freeze_that_would_never_hold_or_hardly_end_is_refused(office: Office) -> None:
    now, manager = office.clock.now(), office.freezes()
    with pytest.raises(Invalid, match="would never hold"):
        manager.set("prod", "Peak.", now - HOUR, now - 2 * HOUR)
    with pytest.raises(Invalid, match="would never hold"):
        manager.set("prod", "Peak.", now + HOUR, now + 2 * HOUR)
    with pytest.raises(Invalid, match="180 days"):
        manager.set("prod", "For ever.", now + 24 * 181 * HOUR)
    with pytest.raises(NotFound, match="no squad 'nobody'"):
        manager.set("prod", "Peak.", now + HOUR, squad="nobody")


def test_an_exemption_is_of_a_project_that_is_held_and_short(office: Office) -> None:
    manager = office.freezes()
    made = manager.set("prod", "Peak.", office.clock.now() + HOUR, squad="operations")
    with pytest.raises(Invalid, match="does not hold"):
        manager.exempt(made.id, OTHER, "Urgent.", 1)
    with pytest.raises(Invalid):
        manager.exempt(made.id, PROJECT, "Urgent.", 100)
    assert [one.project for one in manager.exempt(made.id, PROJECT, "Now.", 1).exemptions] == [
        "operations/late-arrival"
    ]


def test_a_squad_sees_what_holds_it_and_nothing_of_other_squads(office: Office) -> None:
    ends, manager = office.clock.now() + HOUR, office.freezes()
    everybody = manager.set("prod", "Peak.", ends)
    ours = manager.set("prod", "Ours.", ends, squad=PROJECT.squad)
    theirs = manager.set("prod", "Theirs.", ends, squad=OTHER.squad)
    manager.exempt(everybody.id, OTHER, "Urgent.", 1)
    reader = office.freezes("reader", "/operations")
    assert [one.id for one in reader.freezes("prod")] == [everybody.id, ours.id]
    assert reader.freeze(everybody.id).exemptions == ()
    with pytest.raises(NotFound):
        reader.freeze(theirs.id)
    (status,) = [
        one
        for one in office.environments("reader", "/operations").environments()
        if one.environment.name == "prod"
    ]
    assert [one.id for one in status.freezes] == [everybody.id, ours.id]


def test_freezing_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(tmp_path)

    def told(*words: str) -> str:
        return office.command(monkeypatch, "release-manager", "env", *words)

    until = f"{office.clock.now() + 24 * HOUR:%Y-%m-%dT%H:%M}"
    assert "prod is frozen from" in told(
        "freeze", "set", "prod", "--until", until, "--reason", "The peak season"
    )
    assert "The peak season" in told("freeze", "list")
    exempted = told("freeze", "exempt", "1", str(PROJECT), "--reason", "Urgent", "--hours", "2")
    assert exempted.startswith("operations/late-arrival may release into prod until")
    assert f"until {until.replace('T', ' ')} UTC" in told("list")
    assert "Freeze 1:" in told("freeze", "change", "1", "--reason", "Longer than we thought")
    assert told("freeze", "lift", "1") == "Freeze 1 is lifted.\n"
    assert "Nothing is frozen." in told("freeze", "list")
    office.platform.close()
