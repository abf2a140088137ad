from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from northstar.release.canary import CanaryEvidence, decide_step, require_a_trigger, since
from northstar.release.domain import DIRECT, RolloutPlan
from northstar.release.errors import BlindRollout
from northstar.release.fake import counted
from northstar.serving.domain import VersionCounters

PLAN = RolloutPlan()


def evidence(
    canary: VersionCounters, live: VersionCounters | None = None, seconds: float = 61
) -> CanaryEvidence:
    return CanaryEvidence(seconds, canary, live or counted(1, 4000))


def test_a_canary_like_the_live_version_goes_on() -> None:
    decision = decide_step(PLAN, evidence(counted(2, 200)))
    assert decision.kind == "go-on"
    assert "200 requests in 61 s; failed 0.00% (live 0.00%); p99" in decision.reason


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (evidence(counted(2, 199)), "199 of 200 requests"),
        (evidence(counted(2, 200), seconds=59), "59 of 60 seconds"),
        (evidence(counted(2, 200), VersionCounters(version=1)), "no request to the live version"),
    ],
)
def test_too_little_seen_means_wait(seen: CanaryEvidence, reason: str) -> None:
    decision = decide_step(PLAN, seen)
    assert decision.kind == "wait"
    assert reason in decision.reason


def test_a_canary_that_nobody_can_judge_is_given_up() -> None:
    decision = decide_step(PLAN, evidence(counted(2, 3), seconds=PLAN.max_seconds + 1))
    assert decision.kind == "roll-back"
    assert "3 of 200 requests" in decision.reason


def test_errors_roll_back_before_the_step_is_over() -> None:
    decision = decide_step(PLAN, evidence(counted(2, 10, errors=5), seconds=1))
    assert decision.kind == "roll-back"
    assert "failed 50.00% of its requests" in decision.reason


def test_errors_that_both_have_are_nobody_s_fault() -> None:
    both_bad = evidence(counted(2, 200, errors=20), counted(1, 4000, errors=400))
    assert decide_step(PLAN, both_bad).kind == "go-on"


def test_a_single_error_is_no_evidence() -> None:
    assert decide_step(PLAN, evidence(counted(2, 200, errors=1))).kind == "go-on"


def test_slow_answers_roll_back() -> None:
    decision = decide_step(PLAN, evidence(counted(2, 50, latency_ms=80), counted(1, 950)))
    assert decision.kind == "roll-back"
    assert "took longer than 25 ms" in decision.reason


def test_slower_but_below_the_floor_is_fast_enough() -> None:
    assert decide_step(PLAN, evidence(counted(2, 200, latency_ms=20))).kind == "go-on"


@pytest.mark.parametrize(("mean", "kind"), [(0.65, "go-on"), (0.75, "roll-back")])
def test_predictions_of_another_kind_roll_back(mean: float, kind: str) -> None:
    assert decide_step(PLAN, evidence(counted(2, 200, mean=mean))).kind == kind


def test_the_same_question_over_and_over_gives_no_spread_to_judge_by() -> None:
    seen = evidence(counted(2, 200, mean=0.5000001, sd=0), counted(1, 4000, mean=0.5, sd=0))
    assert decide_step(PLAN, seen).kind == "go-on"


def test_predictions_that_are_no_numbers_roll_back() -> None:
    assert decide_step(PLAN, evidence(counted(2, 1, mean=math.nan))).kind == "roll-back"


@given(st.integers(0, 5000), st.integers(1, 50_000), st.floats(0, 1), st.floats(0, 200_000))
def test_whatever_is_seen_a_reason_is_given(
    canary: int, live: int, failing: float, seconds: float
) -> None:
    seen = evidence(counted(2, canary, errors=int(canary * failing)), counted(1, live), seconds)
    decision = decide_step(PLAN, seen)
    assert decision.reason
    if decision.kind == "go-on":
        assert canary >= PLAN.min_requests


@pytest.mark.parametrize("rate", [0.01, 0.3])
def test_looking_after_every_request_does_not_fool_the_guard(rate: float) -> None:
    plan = RolloutPlan(guards=("errors",), alpha=0.1, steps=(25.0,))
    rng = np.random.default_rng(7)
    rolled_back = 0
    for _ in range(60):
        to_canary = rng.random(600) < 0.25
        failed = rng.random(600) < rate
        looks = range(50, 600, 10)
        seen = (_counts_until(n, to_canary, failed) for n in looks)
        rolled_back += any(decide_step(plan, one).kind == "roll-back" for one in seen)
    assert rolled_back <= 6  # alpha of 60; one look of 5 % each would give most of them


def _counts_until(n: int, to_canary: np.ndarray, failed: np.ndarray) -> CanaryEvidence:
    canary, bad = to_canary[:n], failed[:n]
    return CanaryEvidence(
        1.0,
        counted(2, int(canary.sum()), errors=int((canary & bad).sum())),
        counted(1, int((~canary).sum()), errors=int((~canary & bad).sum())),
    )


@pytest.mark.parametrize(
    "plan",
    [
        {"min_requests": 1},
        {"guards": ("latency", "predictions")},
        {"steps": (5.0, 95.0), "min_requests": 50},
    ],
)
def test_a_rollout_that_nothing_could_stop_is_refused(plan: dict[str, Any]) -> None:
    with pytest.raises(BlindRollout):
        require_a_trigger(RolloutPlan(**plan))


@pytest.mark.parametrize("plan", [PLAN, DIRECT, RolloutPlan(steps=(10, 50), min_requests=20)])
def test_a_rollout_that_can_be_stopped_is_accepted(plan: RolloutPlan) -> None:
    require_a_trigger(plan)
    for share in plan.steps:
        live = counted(1, round(plan.min_requests * (100 - share) / share))
        failing = counted(2, plan.min_requests, errors=plan.min_requests)
        assert decide_step(plan, evidence(failing, live)).kind == "roll-back"


@pytest.mark.parametrize("steps", [(), (25.0, 5.0), (5.0, 5.0), (0.0,), (100.0,)])
def test_steps_must_grow_towards_everything(steps: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        RolloutPlan(steps=steps)


def test_counting_begins_with_the_step_and_survives_a_restart_of_the_endpoint() -> None:
    start = counted(2, 100, errors=3)
    assert since(start.plus(counted(2, 50, errors=1)), start).errors == 1
    assert since(counted(2, 20, errors=2), start) == counted(2, 20, errors=2)
    assert since(start, None) == start
