from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from northstar.access.domain import AuditQuery, Principal
from northstar.database import Database
from northstar.errors import Conflict, Denied, NotFound, PartlyFailed, Unavailable
from northstar.names import EndpointRef
from northstar.registry.domain import VersionRecord
from northstar.release.direct import PATIENCE_SECONDS
from northstar.release.domain import Hold, RolloutPlan
from northstar.release.errors import (
    BlindRollout,
    EndpointBusy,
    EnvironmentFrozen,
    FourEyes,
    WrongMoment,
)
from northstar.release.fake import FakeEndpoints
from tests.release.world import CANARY, DEV, PROD, PROJECT, World

FROZEN = Hold(reason="dev is frozen until Monday.", way_out="Ask the release manager.")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.database.close()


def test_a_first_release_goes_live_when_the_endpoint_answers(world: World) -> None:
    world.register(1)
    world.endpoints.answering = False
    release = world.releases.propose(DEV, 1, world.anna, CANARY)
    world.settle()
    assert world.states() == {1: "rolling-out"}
    assert world.registry.aliases(PROJECT) == {}
    world.endpoints.answering = True
    world.settle()
    assert world.states() == {1: "live"}
    assert world.endpoints.weights[DEV] == {1: 100.0}
    assert world.registry.aliases(PROJECT) == {"dev": 1}
    log = world.releases.events(DEV, release.id)
    assert [event.kind for event in log] == ["proposed", "gated", "began", "completed"]
    assert "nothing is live that a canary could be compared with" in log[2].reason


def test_a_canary_takes_its_steps_and_supersedes(world: World) -> None:
    world.live(1)
    world.register(2, live=1)
    world.releases.propose(DEV, 2, world.anna, CANARY)
    shares = []
    world.releases.step()
    for _ in range(2):
        shares.append(world.endpoints.weights[DEV])
        assert world.releases.step() == 0
        world.canary_step()
    assert shares == [{1: 90.0, 2: 10.0}, {1: 50.0, 2: 50.0}]
    assert world.endpoints.weights[DEV] == {2: 100.0}
    assert world.states() == {2: "live", 1: "superseded"}
    assert world.registry.aliases(PROJECT) == {"dev": 2}


def test_a_failing_canary_returns_its_share(world: World) -> None:
    world.live(1)
    world.register(2, live=1)
    release = world.releases.propose(DEV, 2, world.anna, CANARY)
    world.releases.step()
    world.canary_step(errors=40)
    assert world.states() == {2: "rolled-back", 1: "live"}
    assert world.endpoints.weights[DEV] == {1: 100.0}
    assert "failed 40.00%" in world.releases.get(DEV, release.id).reason
    assert world.mlflow.aliases == {(PROJECT, "dev"): 1}


def test_a_canary_taken_back_by_hand_returns_only_its_share(world: World) -> None:
    world.live(1)
    world.register(2, live=1)
    world.releases.propose(DEV, 2, world.anna, CANARY)
    world.releases.step()
    taken = world.releases.rollback(DEV, "the phone rang", world.ben)
    assert (taken.version, taken.state) == (2, "rolled-back")
    assert world.endpoints.weights[DEV] == {1: 100.0}
    assert world.states()[1] == "live"


def test_nothing_new_is_asked_for_or_agreed_to_while_the_environment_is_frozen(
    world: World,
) -> None:
    world.register(1)
    waiting = world.releases.propose(PROD, 1, world.anna)
    world.register(2)
    world.hold = FROZEN
    with pytest.raises(EnvironmentFrozen, match="frozen until Monday") as refused:
        world.releases.propose(PROD, 2, world.anna)
    assert refused.value.hint == FROZEN.way_out
    with pytest.raises(EnvironmentFrozen):
        world.releases.approve(PROD, waiting.id, world.ben)
    assert world.releases.propose(PROD, 1, world.anna) == waiting  # that is nothing new
    world.releases.reject(PROD, waiting.id, world.ben, "not worth the wait")
    denied = world.access.audit.entries(AuditQuery(outcome="denied"))
    assert [(one.action, one.detail["reason"]) for one in denied] == [
        ("release:approve", FROZEN.reason),
        ("release:propose", FROZEN.reason),
    ]


def test_what_was_agreed_to_before_a_freeze_waits_for_its_end(world: World) -> None:
    world.register(1)
    release = world.releases.propose(DEV, 1, world.anna)
    world.hold = FROZEN
    assert world.releases.step() == 0
    view = world.releases.view(DEV, release.id)
    assert (view.release.state, view.outlook) == ("approved", FROZEN.reason)
    world.hold = None
    world.settle()
    assert world.states() == {1: "live"}


def test_a_canary_keeps_its_share_in_a_freeze_and_its_guards_keep_watching(world: World) -> None:
    world.live(1)
    world.register(2, live=1)
    release = world.releases.propose(DEV, 2, world.anna, CANARY)
    world.releases.step()
    world.hold = FROZEN
    world.canary_step()
    assert world.endpoints.weights[DEV] == {1: 90.0, 2: 10.0}
    assert world.releases.view(DEV, release.id).outlook.endswith(FROZEN.reason)
    world.canary_step(errors=100)
    assert world.states() == {2: "rolled-back", 1: "live"}


def test_traffic_is_taken_back_in_a_freeze_as_ever(world: World) -> None:
    world.live(1)
    world.live(2)
    world.hold = FROZEN
    world.releases.rollback(DEV, "wrong all day", world.ben)
    assert world.endpoints.weights[DEV] == {1: 100.0}


def test_rolling_back_makes_the_replaced_version_live_again_and_again(world: World) -> None:
    for version in (1, 2, 3):
        world.live(version)
    for expected in (2, 1):
        world.releases.rollback(DEV, "worse than before", world.ben)
        assert world.endpoints.weights[DEV] == {expected: 100.0}
        assert world.registry.aliases(PROJECT) == {"dev": expected}
    assert world.states() == {3: "rolled-back", 2: "rolled-back", 1: "live"}
    with pytest.raises(Conflict, match="no earlier version"):
        world.releases.rollback(DEV, "even further", world.ben)


def test_prod_needs_somebody_else(world: World) -> None:
    world.register(1)  # by anna
    release = world.releases.propose(PROD, 1, world.ben)
    assert release.state == "proposed"
    world.settle()
    for author in (world.anna, world.ben):
        with pytest.raises(FourEyes):
            world.releases.approve(PROD, release.id, author)
    world.releases.approve(PROD, release.id, world.chris, "looks good")
    world.settle()
    assert world.states(PROD) == {1: "live"}
    denied = world.access.audit.entries(AuditQuery(action="release:approve", outcome="denied"))
    assert {entry.principal for entry in denied} == {"user:anna", "user:ben"}


def test_an_approver_needs_the_right(world: World) -> None:
    world.register(1)
    release = world.releases.propose(PROD, 1, world.ben)
    stranger = world.person("stranger")
    with pytest.raises(Denied):
        world.releases.approve(PROD, release.id, stranger)
    assert world.states(PROD) == {1: "proposed"}


def test_what_the_platform_proposes_its_registrant_aside_anybody_may_approve(world: World) -> None:
    world.register(1)
    robot = Principal(id="managed:run/operations/late-arrival", kind="managed", name="run")
    release = world.releases.propose(PROD, 1, robot)
    assert world.releases.approve(PROD, release.id, world.ben).state == "approved"


def test_a_rejected_release_goes_nowhere(world: World) -> None:
    world.register(1)
    release = world.releases.propose(PROD, 1, world.ben)
    world.releases.reject(PROD, release.id, world.chris, "not before the holidays")
    with pytest.raises(WrongMoment, match="is rejected"):
        world.releases.approve(PROD, release.id, world.chris)
    world.settle()
    assert PROD not in world.endpoints.weights or world.endpoints.weights[PROD] == {}


def test_a_version_that_fails_the_gate_is_refused_with_the_verdict(world: World) -> None:
    world.register(1, unsigned=True)
    release = world.releases.propose(DEV, 1, world.anna)
    assert release.state == "refused"
    assert release.verdict is not None
    assert [result.id for result in release.verdict.unmet] == ["signature-present"]
    assert "Signature present: The model has no signature." in release.reason


def test_the_gate_is_asked_again_when_the_rollout_begins(world: World) -> None:
    world.register(1)
    world.register(2)
    first = world.releases.propose(PROD, 1, world.ben)
    second = world.releases.propose(PROD, 2, world.ben)
    world.releases.approve(PROD, first.id, world.chris)
    world.settle()
    world.releases.approve(PROD, second.id, world.chris)
    world.settle()
    assert world.states(PROD) == {2: "failed", 1: "live"}
    broke = world.releases.get(PROD, second.id)
    assert "v1 is live, but this version was compared with nothing" in broke.reason


def test_two_releases_do_not_roll_out_at_once(world: World) -> None:
    world.live(1)
    world.register(2, live=1)
    world.register(3, live=1)
    world.releases.propose(DEV, 2, world.anna, CANARY)
    with pytest.raises(EndpointBusy):
        world.releases.propose(DEV, 3, world.anna, CANARY)
    world.releases.step()
    with pytest.raises(EndpointBusy):
        world.releases.propose(DEV, 3, world.anna, CANARY)
    assert world.states() == {2: "rolling-out", 1: "live"}


def test_proposing_again_changes_nothing_and_the_live_version_is_refused(world: World) -> None:
    world.register(1)
    first = world.releases.propose(PROD, 1, world.ben)
    assert world.releases.propose(PROD, 1, world.chris) == first
    world.live(2)
    with pytest.raises(Conflict, match="serves v2 already"):
        world.releases.propose(DEV, 2, world.anna)


def test_a_job_that_proposes_again_learns_what_became_of_it(world: World) -> None:
    world.register(1)
    jobs = Principal(id="platform:jobs", kind="platform", name="jobs")
    release = world.releases.propose(DEV, 1, jobs)
    world.settle()
    again = world.releases.propose(DEV, 1, jobs)
    assert (again.id, again.state) == (release.id, "live")


def test_releases_live_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    world = World(tmp_path, database=Database(postgres_url))
    for version in (1, 2):
        world.live(version)
    world.releases.rollback(DEV, "worse", world.ben)
    assert world.states() == {2: "rolled-back", 1: "live"}
    for version in (3, 4):
        world.register(version, live=1)
    world.releases.propose(DEV, 3, world.anna, CANARY)
    with pytest.raises(EndpointBusy):
        world.releases.propose(DEV, 4, world.anna, CANARY)
    world.database.close()


def test_a_blind_rollout_and_an_unknown_version_are_refused(world: World) -> None:
    world.register(1)
    with pytest.raises(BlindRollout, match="nothing could trigger a rollback"):
        world.releases.propose(DEV, 1, world.anna, RolloutPlan(min_requests=1))
    with pytest.raises(NotFound, match="no version 2"):
        world.releases.propose(DEV, 2, world.anna)
    assert world.releases.releases(DEV) == []


def test_a_version_that_the_endpoint_cannot_load_gives_the_traffic_back(world: World) -> None:
    world.live(1)
    world.endpoints.answering = False
    world.endpoints.problem = "model.txt is cut off."
    release = world.live(2)
    assert (release.state, world.endpoints.weights[DEV]) == ("rolling-out", {1: 0.0, 2: 100.0})
    world.clock.advance(PATIENCE_SECONDS + 1)
    world.settle()
    assert world.states() == {2: "rolled-back", 1: "live"}
    assert "model.txt is cut off" in world.releases.get(DEV, release.id).reason
    assert world.endpoints.weights[DEV] == {1: 100.0}


def test_what_could_not_be_told_to_the_endpoint_is_told_later(world: World) -> None:
    world.live(1)
    world.register(2, live=1)
    world.endpoints.reachable = False
    world.releases.propose(DEV, 2, world.anna, CANARY)
    world.releases.step()
    assert world.endpoints.weights[DEV] == {1: 100.0}
    world.endpoints.reachable = True
    world.releases.step()
    assert world.endpoints.weights[DEV] == {1: 90.0, 2: 10.0}


def test_mlflow_being_away_does_not_keep_traffic_from_returning(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.live(1)
    world.live(2)

    def away(*_: object) -> None:
        raise Unavailable("MLflow is starting.")

    with monkeypatch.context() as patch:
        patch.setattr(world.mlflow, "set_alias", away)
        world.releases.rollback(DEV, "worse", world.ben)
    assert world.endpoints.weights[DEV] == {1: 100.0}
    assert world.registry.aliases(PROJECT) == {"dev": 2}
    world.settle()
    assert world.registry.aliases(PROJECT) == {"dev": 1}


def test_lineage_knows_where_a_version_went(world: World) -> None:
    world.live(1)
    uses = world.registry.lineage(PROJECT, 1).uses
    assert [(use.environment, use.state) for use in uses] == [("dev", "live")]


def test_every_event_is_in_the_audit(world: World) -> None:
    release = world.live(1)
    events = world.releases.events(DEV, release.id)
    entries = [e for e in world.access.audit.entries() if e.detail.get("release") == release.id]
    assert {e.action for e in entries} == {f"release:{event.kind}" for event in events}


@pytest.mark.parametrize("made", ["by themselves", "by way of another service", "and withdrawn"])
def test_who_made_a_key_of_a_program_does_not_approve_what_came_by_way_of_it(
    world: World, made: str
) -> None:
    """An owner who may make their squad's CI a secret can act as the CI."""
    directory, ci = world.access.directory, "service:operations/ci"
    maker = "user:ben"
    if made == "by way of another service":
        directory.create("service", "terraform", by=maker)
        maker = "service:terraform"
    directory.create("service", "operations/ci", by=maker)
    if made == "and withdrawn":
        (held,) = world.access.credentials.of(ci)
        world.access.credentials.remove(ci, "secret", held.number, maker)
    world.give(ci, "data-scientist", "/operations")
    world.register(1)  # by anna
    release = world.releases.propose(PROD, 1, directory.get(ci))
    with pytest.raises(FourEyes, match="who made a credential of service:operations/ci"):
        world.releases.approve(PROD, release.id, world.ben)
    assert world.releases.approve(PROD, release.id, world.chris).state == "approved"


def test_an_approval_is_recorded_with_what_allowed_it(world: World) -> None:
    world.register(1)
    release = world.releases.propose(PROD, 1, world.ben)
    world.releases.approve(PROD, release.id, world.chris)
    (entry,) = world.access.audit.entries(AuditQuery(action="release:approved"))
    assert (entry.principal, entry.detail["policies"]) == ("user:chris", ["squad-owner"])


def test_one_endpoints_trouble_keeps_no_other_release_waiting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(FakeEndpoints):
        broken = True

        def set_traffic(
            self,
            endpoint: EndpointRef,
            weights: Mapping[int, float],
            records: Sequence[VersionRecord],
        ) -> int:
            if endpoint == DEV and self.broken:
                raise RuntimeError("a defect that nobody thought of")
            return super().set_traffic(endpoint, weights, records)

    world = World(tmp_path, endpoints := Broken())
    staging = EndpointRef(DEV.squad, DEV.project, "staging")
    world.register(1)
    for endpoint in (DEV, staging):
        world.releases.propose(endpoint, 1, world.anna)
    with caplog.at_level(logging.CRITICAL):
        for _ in range(3):
            with pytest.raises(PartlyFailed, match=f"failed at {DEV};"):
                world.releases.step()
    assert endpoints.weights == {staging: {1: 100.0}}
    endpoints.broken = False
    world.settle()
    assert endpoints.weights[DEV] == {1: 100.0}
    world.database.close()
