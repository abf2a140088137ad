from __future__ import annotations

from typing import Any

import pytest

from northstar.registry.domain import Evidence, LeakSuspect, Metric
from northstar.registry.fake import example_record
from northstar.standards.domain import (
    CannotEvaluate,
    Met,
    NotMet,
    Parameters,
    Standard,
    Subject,
    Verdict,
    gate,
)
from northstar.standards.rules import STANDARDS
from northstar.standards.text import verdict_text

PARAMETERS = Parameters()


def judge(
    evidence: dict[str, Any] | None = None,
    *,
    live: int | None = None,
    parameters: Parameters = PARAMETERS,
    **record: Any,
) -> Verdict:
    subject = example_record(evidence=evidence or {}, **record)
    return gate(subject, STANDARDS, "prod", parameters, live)


def unmet(verdict: Verdict) -> list[tuple[str, str]]:
    return [(result.id, result.outcome) for result in verdict.unmet]


def test_a_good_version_passes_all_eight() -> None:
    verdict = judge()
    assert verdict.passed
    assert len(verdict.results) == 8


@pytest.mark.parametrize(
    ("standard", "evidence"),
    [
        ("beats-baseline", {"baseline_difference": Metric(value=0.01, low=-0.01, high=0.03)}),
        ("beats-baseline", {"baseline_difference": Metric(value=-0.1, low=-0.2, high=-0.05)}),
        ("minimum-data", {"rows_train": 499}),
        ("minimum-data", {"rows_test": 199}),
        ("signature-present", {"signature_present": False}),
        ("calibrated", {"calibration_error": 0.2}),
        ("latency-budget", {"latency_ms_p99": 101.0}),
        (
            "no-leakage",
            {"leak_suspects": [LeakSuspect(feature="f", kind="target", score=1, explanation="x")]},
        ),
    ],
)
def test_each_standard_fails_alone(standard: str, evidence: dict[str, Any]) -> None:
    assert unmet(judge(evidence)) == [(standard, "failed")]


@pytest.mark.parametrize(
    ("standard", "evidence"),
    [
        ("beats-baseline", {"baseline_difference": None}),
        ("beats-baseline", {"baseline_difference": Metric(value=0.5)}),
        ("no-leakage", {"leak_suspects": None}),
        ("calibrated", {"calibration_error": None}),
        ("latency-budget", {"latency_ms_p99": None}),
    ],
)
def test_missing_evidence_keeps_the_gate_closed(standard: str, evidence: dict[str, Any]) -> None:
    assert unmet(judge(evidence)) == [(standard, "could-not-be-evaluated")]


@pytest.mark.parametrize("field", ["calibration_error", "latency_ms_p99"])
def test_a_number_that_is_none_keeps_the_gate_closed(field: str) -> None:
    good = example_record()
    evidence = Evidence.model_construct(**{**dict(good.evidence), field: float("nan")})
    record = good.model_copy(update={"evidence": evidence})
    (result,) = gate(record, STANDARDS, "prod", PARAMETERS).unmet
    assert result.outcome == "could-not-be-evaluated"


def test_the_live_version_may_be_replaced_by_an_equal_but_not_by_a_worse_one() -> None:
    equal = {"live_version": 1, "live_difference": Metric(value=-0.01, low=-0.02, high=0.001)}
    worse = {"live_version": 1, "live_difference": Metric(value=-0.02, low=-0.03, high=-0.01)}
    assert judge(equal, live=1, version=2).passed
    assert unmet(judge(worse, live=1, version=2)) == [("beats-live", "failed")]


def test_a_comparison_with_another_version_than_the_live_one_is_no_evidence() -> None:
    better = {"live_version": 1, "live_difference": Metric(value=0.02, low=0.01, high=0.03)}
    verdict = judge(better, live=2, version=3)
    assert unmet(verdict) == [("beats-live", "could-not-be-evaluated")]
    assert "v2 is live, but this version was compared with v1" in verdict.unmet[0].measured
    assert unmet(judge({}, live=2, version=3)) == [("beats-live", "could-not-be-evaluated")]


def test_a_regression_needs_no_calibration() -> None:
    assert judge({"task": "regression", "calibration_error": None}, task="regression").passed


def test_lineage_names_what_is_missing() -> None:
    verdict = judge(lineage={"lock_digest": "", "data_digest": ""})
    assert unmet(verdict) == [("lineage-complete", "failed")]
    assert verdict.unmet[0].measured == "Not recorded: the data's digest, the environment lock."


def test_a_clean_commit_is_asked_for_where_the_company_wants_it() -> None:
    strict = Parameters(require_clean_commit=True)
    assert judge(lineage={"commit": None}).passed
    assert not judge(lineage={"commit": None}, parameters=strict).passed
    assert not judge(lineage={"dirty": True}, parameters=strict).passed


def test_environments_ask_for_more_towards_production() -> None:
    poor = example_record(evidence={"rows_test": 3, "latency_ms_p99": None})
    asked = {
        name: {result.id for result in gate(poor, STANDARDS, name, PARAMETERS).results}
        for name in ("dev", "staging", "prod")
    }
    assert asked["dev"] < asked["staging"] < asked["prod"]
    assert gate(poor, STANDARDS, "dev", PARAMETERS).passed


def crash(_subject: Subject) -> Met | NotMet:
    raise ZeroDivisionError("division by zero")


def give_up(_subject: Subject) -> Met | NotMet:
    raise CannotEvaluate("Nobody looked.")


def say_nothing(_subject: Subject) -> Met | NotMet:
    return None  # type: ignore[return-value]  # the defect that the gate must survive


@pytest.mark.parametrize("check", [crash, give_up, say_nothing])
def test_a_check_that_breaks_keeps_the_gate_closed(check: Any) -> None:
    broken = Standard("x", "X", "asks", "why", "fix", ("prod",), check)
    verdict = gate(example_record(), [broken], "prod", PARAMETERS)
    assert not verdict.passed
    assert verdict.results[0].outcome == "could-not-be-evaluated"


def test_no_standard_at_all_keeps_the_gate_closed() -> None:
    assert not gate(example_record(), [], "prod", PARAMETERS).passed


def test_the_verdict_is_bound_to_the_content_that_was_judged() -> None:
    assert judge(digest="sha256:" + "cd" * 32).digest == "sha256:" + "cd" * 32


def test_a_failure_teaches_and_a_success_is_one_line() -> None:
    leak = LeakSuspect(
        feature="dep_delay", kind="target", score=0.9, explanation="alone it ranks at AUC 0.93."
    )
    text = verdict_text(judge({"leak_suspects": [leak]}))
    assert text.startswith("The gate stays closed for operations/late-arrival v1 into prod: 7 of 8")
    assert "✗ No leakage" in text
    assert "dep_delay: alone it ranks at AUC 0.93." in text
    assert all(word in text for word in ("asks  No single feature", "why   Such", "fix   Ask when"))
    assert text.count("why ") == 1
    assert max(map(len, text.splitlines())) <= 96


@pytest.mark.parametrize("standard", STANDARDS, ids=lambda standard: standard.id)
def test_every_standard_says_what_why_and_how(standard: Standard) -> None:
    assert "{" not in standard.asks_with(PARAMETERS)
    assert min(len(standard.why), len(standard.fix)) > 80


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        ((0.01, -0.01, 0.03), "about 4 times as many test rows would show it"),
        ((-0.1, -0.2, -0.05), "the simple model is better, and chance does not explain it"),
        ((-0.01, -0.02, 0.01), "the simple model does as well"),
    ],
)
def test_a_version_that_does_not_beat_the_baseline_learns_by_how_much_and_what_to_do(
    difference: tuple[float, float, float], words: str
) -> None:
    value, low, high = difference
    verdict = judge({"baseline_difference": Metric(value=value, low=low, high=high)})
    (result,) = verdict.unmet
    assert f"95 % interval {low:+.4f} to {high:+.4f}" in result.measured
    assert words in result.measured
