from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from northstar.registry.fake import example_record
from northstar.release import domain
from northstar.release.domain import (
    ADMITTED,
    Event,
    Release,
    ReleaseState,
    RolloutPlan,
    StepStart,
    advance,
    forbids_approval,
)
from northstar.release.errors import WrongMoment
from northstar.release.fake import counted
from northstar.release.traffic import Traffic, desired_traffic
from northstar.standards.domain import Parameters, Verdict, gate
from northstar.standards.rules import STANDARDS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
START = StepStart(at=NOW, canary=counted(2, 0), live=counted(1, 0))
STEPS = (5.0, 25.0)


def verdict(*, passed: bool) -> Verdict:
    record = example_record(evidence={"signature_present": passed})
    return gate(record, STANDARDS, "prod", Parameters())


def release(approvals: int = 1, **changes: object) -> Release:
    proposed = Release(
        id=1,
        squad="operations",
        project="late-arrival",
        environment="prod",
        version=2,
        digest="sha256:ab",
        plan=RolloutPlan(steps=STEPS),
        proposed_by="user:anna",
        registered_by="user:ben",
        approvals_needed=approvals,
        created_at=NOW,
        updated_at=NOW,
    )
    return proposed.model_copy(update=changes)


EVENTS: list[Event] = [
    domain.Proposed(at=NOW, by="a"),
    domain.Gated(at=NOW, by="p", verdict=verdict(passed=True)),
    domain.Gated(at=NOW, by="p", verdict=verdict(passed=False)),
    domain.Approved(at=NOW, by="user:chris"),
    domain.Approved(at=NOW, by="user:dora"),
    domain.Rejected(at=NOW, by="user:chris", reason="no"),
    domain.Began(at=NOW, by="p", steps=STEPS, start=START, replaces=7),
    domain.Began(at=NOW, by="p", steps=(), start=START),
    domain.StepPassed(at=NOW, by="p", step=0, start=START),
    domain.StepPassed(at=NOW, by="p", step=1, start=START),
    domain.Completed(at=NOW, by="p"),
    domain.RolledBack(at=NOW, by="user:anna", reason="bad"),
    domain.Superseded(at=NOW, by="p"),
    domain.Restored(at=NOW, by="p"),
    domain.Broke(at=NOW, by="p"),
]


class ReleaseLife(RuleBasedStateMachine):
    """Whatever happens to a release, in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.release = release()
        self.log: list[Event] = []

    @rule(event=st.sampled_from(EVENTS))
    def something_happens(self, event: Event) -> None:
        before = self.release
        try:
            self.release = advance(before, event)
        except WrongMoment:
            return
        assert before.state in ADMITTED[type(event)]
        self.log.append(event)

    @precondition(lambda self: self.release.state == "proposed")
    @rule()
    def it_is_gated(self) -> None:
        self.something_happens(EVENTS[1])

    @invariant()
    def no_traffic_without_gate_and_approval(self) -> None:
        if self.release.share > 0:
            assert self.release.verdict is not None
            assert self.release.verdict.passed
            assert len(self.release.approved_by) >= 1

    @invariant()
    def only_what_is_under_way_or_live_has_traffic(self) -> None:
        assert (self.release.share > 0) == (self.release.state in ("rolling-out", "live"))
        assert (self.release.share == 100) or self.release.state != "live"

    @invariant()
    def the_log_tells_the_state(self) -> None:
        replayed = release()
        for event in self.log:
            replayed = advance(replayed, event)
        assert replayed == self.release


TestReleaseLife = ReleaseLife.TestCase


def test_the_whole_way_of_a_canary() -> None:
    now = release()
    states = []
    for event in (EVENTS[1], EVENTS[3], EVENTS[6], EVENTS[8], EVENTS[10], EVENTS[12], EVENTS[13]):
        now = advance(now, event)
        states.append((now.state, now.share))
    assert states == [
        ("proposed", 0),
        ("approved", 0),
        ("rolling-out", 5),
        ("rolling-out", 25),
        ("live", 100),
        ("superseded", 0),
        ("live", 100),
    ]


def test_the_gate_refuses_and_where_no_approval_is_needed_admits() -> None:
    assert advance(release(), EVENTS[2]).state == "refused"
    assert advance(release(approvals=0), EVENTS[1]).state == "approved"


def test_an_approval_before_the_gate_is_refused() -> None:
    with pytest.raises(WrongMoment, match="has not passed the gate"):
        advance(release(), EVENTS[3])


def test_a_step_is_not_passed_twice_by_two_that_looked_at_once() -> None:
    rolling = advance(release(state="approved"), EVENTS[6])
    with pytest.raises(WrongMoment, match="no step to pass after 0"):
        advance(advance(rolling, EVENTS[8]), EVENTS[8])


def test_a_canary_is_not_completed_before_its_last_step() -> None:
    with pytest.raises(WrongMoment, match="steps left"):
        advance(advance(release(state="approved"), EVENTS[6]), EVENTS[10])


@given(st.sampled_from(get_args(ReleaseState)))
def test_what_is_over_stays_over(state: ReleaseState) -> None:
    over = {"refused", "rejected", "rolled-back", "failed"}
    admitted = [kind for kind, states in ADMITTED.items() if state in states]
    assert bool(admitted) == (state not in over)


@pytest.mark.parametrize(
    ("principal", "may"),
    [
        ("user:anna", False),
        ("user:ben", False),
        ("user:chris", True),
        ("service:ci", False),
        ("managed:run/operations/late-arrival", False),
        ("platform:control", False),
    ],
)
def test_four_eyes(principal: str, may: bool) -> None:
    assert (forbids_approval(release(), principal) is None) is may


def test_what_the_platform_proposes_any_approver_may_approve() -> None:
    by_itself = release(proposed_by="platform:jobs", registered_by="managed:run/a/b")
    assert forbids_approval(by_itself, "user:anna") is None


def test_who_started_the_job_that_proposed_a_release_does_not_approve_it() -> None:
    asked = release(
        proposed_by="platform:jobs", asked_by="user:anna", registered_by="managed:run/a/b"
    )
    assert forbids_approval(asked, "user:anna") is not None
    assert forbids_approval(asked, "user:ben") is None


def test_who_started_the_run_that_made_the_version_does_not_approve_it() -> None:
    made = release(registered_by="managed:run/a/b", started_by="user:chris")
    assert forbids_approval(made, "user:chris") is not None
    assert made.authors["registered_by"] == "user:chris"


def test_a_canary_shares_with_the_live_version() -> None:
    live = release(id=1, version=1, state="live")
    canary = release(id=2, version=2, state="rolling-out", share=5.0)
    done = release(id=3, version=3, state="superseded")
    assert desired_traffic([canary, live, done]) == Traffic(weights={1: 95.0, 2: 5.0}, live=1)


def test_a_direct_rollout_keeps_the_live_version_loaded() -> None:
    live = release(id=1, version=1, state="live")
    direct = release(id=2, version=2, state="rolling-out", share=100.0)
    assert desired_traffic([direct, live]) == Traffic(weights={1: 0.0, 2: 100.0}, live=1)


def test_the_first_release_is_live_only_when_it_is() -> None:
    first = release(id=1, version=1, state="rolling-out", share=100.0)
    assert desired_traffic([first]) == Traffic(weights={1: 100.0}, live=None)
    assert desired_traffic([]) == Traffic(weights={}, live=None)
