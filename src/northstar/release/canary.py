"""How a canary step gets decided.

``decide_step`` takes the plan and what canary and live version counted since the step began, and
answers *go on*, *wait* or *roll back* with the reason. It reads nothing and changes nothing; the
release loop asks it again and again, so its guards must not fool themselves by looking often.
Who asks, with which counts, stands in ``rollout.py``; what follows is carried out in ``moves.py``.

Because they look so often, errors and slow answers are compared by a test that stays valid however
often one looks (``_evidence_of_harm``): users are divided at random, so if both versions fail
equally often, each failure falls on the canary with the canary's share of the requests. The
likelihood ratio of "the canary fails r times as often" against that, averaged over several r, is a
test martingale; by
Ville's inequality it ever reaches 1/alpha with a chance of at most alpha. alpha is divided among
the steps and the two guards that test (Bonferroni).

H. Robbins (1970), Statistical methods related to the law of the iterated logarithm, Ann. Math.
Statist. 41(5); A. Ramdas, P. Grünwald, V. Vovk, G. Shafer (2023), Game-theoretic statistics and
safe anytime-valid inference, Statistical Science 38(4).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from northstar.release.domain import GuardName, RolloutPlan
from northstar.release.errors import BlindRollout
from northstar.serving.domain import LATENCY_EDGES_MS, VersionCounters, latency_quantile_ms

_RATE_RATIOS = (1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 1000.0)
_TESTS = 2  # errors and latency; predictions have a bound, not a test
_ENOUGH_FOR_P99 = 100
_NO_SPREAD = 1e-6


@dataclass(frozen=True)
class CanaryEvidence:
    """What both versions counted since the step began, ``seconds`` ago."""

    seconds: float
    canary: VersionCounters
    live: VersionCounters


@dataclass(frozen=True)
class Decision:
    """What to do with a canary step, and why."""

    kind: Literal["go-on", "wait", "roll-back"]
    reason: str


def decide_step(plan: RolloutPlan, evidence: CanaryEvidence) -> Decision:
    """Decide the present step of a canary: go on, wait, or roll back.

    Any guard that objects rolls back at once, however few the requests. Without an objection the
    step is passed when the canary has served long enough and often enough for the guards to have
    had a chance; a step that never gets that far is given up, for a canary that nobody can judge
    must not become live.
    """
    for name in plan.guards:
        if objection := _GUARDS[name](plan, evidence):
            return Decision("roll-back", objection)
    if missing := _missing(plan, evidence):
        if evidence.seconds > plan.max_seconds:
            return Decision("roll-back", f"Given up after {evidence.seconds:,.0f} s: {missing}.")
        return Decision("wait", f"Waiting: {missing}.")
    return Decision("go-on", _comparison(evidence))


def require_a_trigger(plan: RolloutPlan) -> None:
    """Raise ``BlindRollout`` if a canary by this plan could pass a step without being judged.

    In every step a canary that fails every one of its ``min_requests`` must be rolled back.
    """
    if plan.kind == "direct":
        return
    if "errors" not in plan.guards:
        raise BlindRollout(
            "This canary has no guard on errors: a version that always fails would go live.",
            hint="Add 'errors' to the rollout's guards.",
        )
    for share in plan.steps:
        needed = plan.min_requests
        while _evidence_of_harm(needed, 0, share / 100) < _threshold(plan):
            needed *= 2
        if needed > plan.min_requests:
            raise BlindRollout(
                f"After {plan.min_requests} requests at {share:g} % nothing could trigger a "
                "rollback, even if every one of them failed.",
                hint=f"Ask for {needed} requests a step, or for smaller steps.",
            )


def since(now: VersionCounters, start: VersionCounters | None) -> VersionCounters:
    """What was counted after ``start``; all of ``now`` if the counting began anew meanwhile."""
    if start is None or start.requests > now.requests:
        return now
    return VersionCounters(
        version=now.version,
        requests=now.requests - start.requests,
        errors=max(now.errors - start.errors, 0),
        rows=max(now.rows - start.rows, 0),
        latency=tuple(max(a - b, 0) for a, b in zip(now.latency, start.latency, strict=True)),
        prediction_count=max(now.prediction_count - start.prediction_count, 0),
        prediction_sum=now.prediction_sum - start.prediction_sum,
        prediction_sumsq=now.prediction_sumsq - start.prediction_sumsq,
    )


def _errors(plan: RolloutPlan, evidence: CanaryEvidence) -> str | None:
    """Object when the canary fails more often than the live version, beyond chance."""
    canary, live = evidence.canary, evidence.live
    if not _more_often(plan, evidence, canary.errors, live.errors):
        return None
    return (
        f"The canary failed {_rate(canary.errors, canary.requests)} of its requests, "
        f"the live version {_rate(live.errors, live.requests)}."
    )


def _latency(plan: RolloutPlan, evidence: CanaryEvidence) -> str | None:
    """Object when more than 1 % of the canary's answers take longer than the bound allows.

    The bound comes from the live version's own p99, so this test's error rate is approximate.
    """
    canary, live = evidence.canary, evidence.live
    live_p99 = latency_quantile_ms(live.latency, 0.99)
    if live_p99 is None or live.requests < _ENOUGH_FOR_P99:
        return None
    bound = max(live_p99 * plan.max_latency_ratio, plan.latency_floor_ms)
    slow = _slower_than(bound, canary)
    if slow <= 0.01 * canary.requests:
        return None
    if not _more_often(plan, evidence, slow, _slower_than(bound, live)):
        return None
    return (
        f"{_rate(slow, canary.requests)} of the canary's answers took longer than {bound:.3g} ms; "
        f"the live version answers 99 % within {live_p99:.3g} ms."
    )


def _predictions(plan: RolloutPlan, evidence: CanaryEvidence) -> str | None:
    """Object when the canary's mean prediction cannot be of the same kind as the live one's."""
    canary, live = evidence.canary, evidence.live
    if not (math.isfinite(canary.prediction_sum) and math.isfinite(canary.prediction_sumsq)):
        return "The canary predicts values that are not finite numbers."
    if not (math.isfinite(live.prediction_sum) and math.isfinite(live.prediction_sumsq)):
        return None  # nothing to compare with, and no reason to keep the live version
    if min(canary.prediction_count, live.prediction_count) < plan.min_requests:
        return None
    mean, _ = _mean_and_sd(canary)
    live_mean, live_sd = _mean_and_sd(live)
    if live_sd <= _NO_SPREAD * max(1.0, abs(live_mean)):
        return None  # the same question over and over has no spread to measure a shift by
    if abs(mean - live_mean) <= plan.max_prediction_shift * live_sd:
        return None
    return (
        f"The canary's mean prediction is {mean:.4g}, the live version's {live_mean:.4g}: more "
        f"than {plan.max_prediction_shift:g} of its standard deviations ({live_sd:.3g}) away."
    )


_GUARDS: dict[GuardName, Callable[[RolloutPlan, CanaryEvidence], str | None]] = {
    "errors": _errors,
    "latency": _latency,
    "predictions": _predictions,
}


def _missing(plan: RolloutPlan, evidence: CanaryEvidence) -> str | None:
    if evidence.canary.requests < plan.min_requests:
        return f"{evidence.canary.requests} of {plan.min_requests} requests to the canary"
    if evidence.live.requests == 0:
        return "no request to the live version to compare with"
    if evidence.seconds < plan.min_seconds:
        return f"{evidence.seconds:.0f} of {plan.min_seconds:.0f} seconds"
    return None


def _more_often(plan: RolloutPlan, evidence: CanaryEvidence, canary: int, live: int) -> bool:
    """Whether ``canary`` events against ``live`` ones are more than chance explains."""
    requests = evidence.canary.requests + evidence.live.requests
    if canary == 0 or evidence.live.requests == 0:
        return False
    share = evidence.canary.requests / requests
    return _evidence_of_harm(canary, live, share) >= _threshold(plan)


def _threshold(plan: RolloutPlan) -> float:
    return math.log(len(plan.steps) * _TESTS / plan.alpha)


def _evidence_of_harm(canary: int, live: int, share: float) -> float:
    """The logarithm of the test martingale: high when the canary has more than its share of events.

    ``share`` is the canary's part of all requests, between 0 and 1.
    """
    terms = []
    for ratio in _RATE_RATIOS:
        if_worse = ratio * share / (ratio * share + 1 - share)
        on_canary = math.log(if_worse / share)
        on_live = math.log((1 - if_worse) / (1 - share))
        terms.append(canary * on_canary + live * on_live)
    largest = max(terms)
    return largest + math.log(sum(math.exp(term - largest) for term in terms) / len(terms))


def _slower_than(bound_ms: float, counters: VersionCounters) -> int:
    """How many answers certainly took longer than the bound."""
    lower_edges = (0.0, *LATENCY_EDGES_MS)
    return sum(n for edge, n in zip(lower_edges, counters.latency, strict=True) if edge >= bound_ms)


def _mean_and_sd(counters: VersionCounters) -> tuple[float, float]:
    mean = counters.prediction_sum / counters.prediction_count
    variance = counters.prediction_sumsq / counters.prediction_count - mean * mean
    return mean, math.sqrt(max(variance, 0.0))


def _comparison(evidence: CanaryEvidence) -> str:
    canary, live = evidence.canary, evidence.live
    failed, live_failed = (_rate(one.errors, one.requests) for one in (canary, live))
    told = [
        f"{canary.requests:,} requests in {evidence.seconds:,.0f} s",
        f"failed {failed} (live {live_failed})",
    ]
    p99, live_p99 = (latency_quantile_ms(one.latency, 0.99) for one in (canary, live))
    if p99 is not None and live_p99 is not None:
        told.append(f"p99 {p99:.3g} ms (live {live_p99:.3g})")
    if canary.prediction_count and live.prediction_count:
        mean, live_mean = _mean_and_sd(canary)[0], _mean_and_sd(live)[0]
        told.append(f"mean prediction {mean:.3g} (live {live_mean:.3g})")
    return "; ".join(told) + "."


def _rate(events: int, requests: int) -> str:
    return f"{events / requests:.2%}" if requests else "none"
