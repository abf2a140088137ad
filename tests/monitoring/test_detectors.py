"""What the detectors tell and, as important, what they leave untold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from northstar.metrics import METRICS
from northstar.monitoring import drift, performance, quality
from northstar.monitoring.calibration import Calibration, calibrate, distance, threshold
from northstar.monitoring.columns import encode
from northstar.monitoring.domain import Finding, RealisedMetric
from northstar.monitoring.judging import judge_profile
from northstar.monitoring.profile import build_reference, profile_rows
from northstar.monitoring.reference import MetricReference, Reference, StretchMetric
from northstar.monitoring.uncertainty import Estimate, estimate

START = np.datetime64("2026-01-05", "us")
ROWS = 600
Week = Callable[[np.random.Generator, int], dict[str, NDArray[Any]]]


def times(week: int) -> NDArray[np.datetime64]:
    seconds = week * 604_800 + np.linspace(0, 604_799, ROWS)
    return START + (seconds * 1e6).astype("timedelta64[us]")


def plain(rng: np.random.Generator, _week: int) -> dict[str, NDArray[Any]]:
    """Twelve independent inputs without any variation between weeks."""
    return {f"x{number}": rng.normal(size=ROWS) for number in range(12)}


def seasonal(rng: np.random.Generator, _week: int) -> dict[str, NDArray[Any]]:
    """Inputs that each week draws anew around a level of its own, as weather does."""
    return {f"x{number}": rng.normal(rng.normal(), 1.0, ROWS) for number in range(12)}


def reference(make: Week, seed: int, weeks: int = 12) -> Reference:
    rng = np.random.default_rng([seed, 1])
    parts = [make(rng, week) for week in range(weeks)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    rows = weeks * ROWS
    when = np.concatenate([times(week) for week in range(weeks)])
    built = build_reference(columns, rng.random(rows), None, when, "regression", "rmse", 7.0)
    return Reference.model_validate(built)


def found(own: Reference, columns: dict[str, NDArray[Any]], seed: int = 0) -> list[Finding]:
    answers = np.random.default_rng(seed).random(ROWS)
    return judge_profile(profile_rows(own, columns, answers, times(20)), own, 100).findings


@pytest.mark.parametrize("make", [plain, seasonal])
def test_undrifted_weeks_are_left_alone(make: Week) -> None:
    alarms = 0
    for seed in range(25):
        own = reference(make, seed)
        rng = np.random.default_rng([seed, 2])
        alarms += sum(bool(found(own, make(rng, week), seed)) for week in range(8))
    assert alarms <= 8  # of 200 weeks with 13 columns each


def test_a_shift_that_weeks_never_had_is_drift() -> None:
    own = reference(plain, 1)
    week = plain(np.random.default_rng(2), 0)
    week["x3"] = week["x3"] + 0.5
    (finding,) = found(own, week)
    assert (finding.kind, finding.subject) == ("drift", "x3")
    assert "(mean 0.48" in finding.message


def test_a_shift_that_weeks_often_have_is_none() -> None:
    own = reference(seasonal, 1)
    week = {name: np.random.default_rng(3).normal(1.0, 1.0, ROWS) for name in own.columns}
    assert found(own, week) == []


def test_leaving_the_range_of_the_reference_stands_out_however_much_weeks_differ() -> None:
    own = reference(seasonal, 1)
    week = seasonal(np.random.default_rng(4), 0)
    week["x0"] = week["x0"] + 12.0
    subjects = {finding.subject for finding in found(own, week)}
    assert subjects == {"x0", "x0: range"}


def test_a_tiny_shift_is_no_drift_however_many_rows_show_it() -> None:
    rng = np.random.default_rng(5)
    when = np.concatenate([times(week) for week in range(12)])
    many = np.repeat(when, 20)
    own = Reference.model_validate(
        build_reference(
            {"x": rng.normal(size=many.size)},
            rng.random(many.size),
            None,
            many,
            "regression",
            "rmse",
            7.0,
        )
    )
    rows = 100_000
    profile = profile_rows(
        own,
        {"x": rng.normal(0.1, 1.0, rows)},
        rng.random(rows),
        np.resize(times(20), rows),
    )
    assert judge_profile(profile, own, 100).findings == []


def test_drifted_predictions_are_told_apart_from_inputs() -> None:
    own = reference(plain, 1)
    profile = profile_rows(own, plain(np.random.default_rng(6), 0), np.full(ROWS, 0.5), times(20))
    summary = drift.measure(profile, own, 100)
    (finding,) = drift.detect(profile, own, summary)
    assert finding.subject == drift.PREDICTION
    assert summary.prediction is not None
    assert summary.score == summary.prediction.score > 1


def test_values_of_a_wrong_type_are_a_quality_finding() -> None:
    own = reference(plain, 1)
    week: dict[str, NDArray[Any]] = plain(np.random.default_rng(7), 0)
    week["x1"] = np.array(["n/a"] * 6 + ["0.1"] * (ROWS - 6), dtype=object)
    profile = profile_rows(own, {n: encode(v) for n, v in week.items()}, np.zeros(1), times(20))
    subjects = [finding.subject for finding in quality.detect(profile, own, 100)]
    assert subjects == ["x1: type"]


@given(
    st.lists(st.integers(0, 500), min_size=4, max_size=4),
    st.lists(st.integers(0, 500), min_size=4, max_size=4),
)
def test_a_distance_is_symmetric_and_zero_between_equal_shapes(
    left: list[int], right: list[int]
) -> None:
    a, b = np.array(left), np.array(right)
    assert distance(a, b) == pytest.approx(distance(b, a))
    assert distance(a, 3 * a) == pytest.approx(0.0, abs=1e-7)
    assert distance(a, b) >= 0


@given(st.integers(2, 30), st.integers(50, 20_000), st.floats(0, 0.5), st.integers(3, 30))
def test_a_line_rises_with_certainty_and_falls_with_rows(
    bins: int, rows: int, between: float, chunks: int
) -> None:
    own = Calibration(between=between, chunks=chunks)
    lines = [threshold(own, bins, rows, 10_000, p) for p in (0.05, 0.01, 0.001)]
    assert lines == sorted(lines)
    assert lines[0] > between
    still = Calibration(chunks=chunks)
    few, many = (threshold(still, bins, n, 10_000, 0.01) for n in (rows, 2 * rows))
    assert many <= few


def test_chance_alone_crosses_a_line_as_often_as_it_was_set_to() -> None:
    rng = np.random.default_rng(8)
    shares = np.full(20, 0.05)
    own = calibrate([rng.multinomial(1000, shares) for _ in range(12)])
    reference = rng.multinomial(12_000, shares)
    line = threshold(own, 20, 1000, 12_000, 0.05)
    crossed = [distance(reference, rng.multinomial(1000, shares)) > line for _ in range(2000)]
    assert 0.01 < np.mean(crossed) < 0.09


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_a_metrics_interval_holds_its_true_value(metric: str) -> None:
    definition = METRICS[metric]
    rng = np.random.default_rng(9)

    def draw(rows: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
        if definition.tasks == {"multiclass"}:
            probabilities = rng.dirichlet(np.ones(3), rows)
            picked = (rng.random((rows, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
            return picked.astype(float), probabilities
        if "regression" in definition.tasks:
            truth = rng.normal(size=rows)
            return truth, truth + rng.normal(0, 0.7, rows)
        probability = rng.beta(1, 3, rows)
        return (rng.random(rows) < probability).astype(float), probability

    true = definition.function(*draw(200_000))
    held = []
    for _ in range(60):
        measured = estimate(metric, *draw(500))
        assert measured is not None
        held.append(measured.low <= true <= measured.high)
    assert np.mean(held) >= 0.75


def test_one_class_alone_has_no_roc() -> None:
    assert estimate("roc_auc", np.zeros(50), np.linspace(0, 1, 50)) is None


def of(value: float, weeks: tuple[float, ...] = (0.80, 0.81, 0.79)) -> MetricReference:
    stretches = [
        StretchMetric(
            start=datetime(2026, 1, 1, tzinfo=UTC),
            held_out=True,
            value=week,
            standard_error=0.01,
            rows=500,
        )
        for week in weeks
    ]
    return MetricReference(
        metric="roc_auc",
        higher_is_better=True,
        value=value,
        standard_error=0.005,
        rows=1500,
        windows=len(weeks),
        stretches=stretches,
    )


def weeks_of(*values: float) -> list[RealisedMetric]:
    return [performance.realise(None, Estimate("roc_auc", value, 0.01, 500)) for value in values]


def test_one_week_far_below_is_told() -> None:
    expected = performance.expect(of(0.80), [])
    (finding,) = performance.detect(expected, weeks_of(0.80, 0.70))
    assert "roc_auc is 0.700 (0.680 to 0.720)" in finding.message


@pytest.mark.parametrize("values", [(0.76,), (0.80, 0.76), (0.76, 0.80), (0.82, 0.85)])
def test_one_week_somewhat_below_is_not(values: tuple[float, ...]) -> None:
    assert performance.detect(performance.expect(of(0.80), []), weeks_of(*values)) == []


def test_two_weeks_somewhat_below_are_told() -> None:
    expected = performance.expect(of(0.80), [])
    assert performance.detect(expected, weeks_of(0.75, 0.75))


def test_four_weeks_a_little_below_are_told() -> None:
    expected = performance.expect(of(0.80), weeks_of(*[0.80, 0.805] * 6))
    assert not performance.detect(expected, weeks_of(0.781, 0.781))
    assert performance.detect(expected, weeks_of(0.781, 0.781, 0.781, 0.781))


def test_weeks_that_always_differ_need_a_larger_drop() -> None:
    restless = of(0.80, (0.70, 0.90, 0.75, 0.85, 0.72, 0.88))
    assert performance.detect(performance.expect(restless, []), weeks_of(0.70, 0.70)) == []


def test_a_record_raises_what_is_expected_and_never_lowers_it() -> None:
    assert performance.expect(of(0.80), weeks_of(*[0.86] * 8)).level > 0.82
    assert performance.expect(of(0.80), weeks_of(*[0.77] * 8)).level == 0.80


def test_a_loss_is_worse_when_it_is_higher() -> None:
    reference = of(0.80).model_copy(update={"metric": "log_loss", "higher_is_better": False})
    expected = performance.expect(reference, [])
    assert performance.detect(expected, weeks_of(1.2))
    assert performance.detect(expected, weeks_of(0.5)) == []
