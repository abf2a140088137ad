"""An evaluation as the pipeline asks for it: its evidence, and its answers to bad input."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from northstar.metrics import METRICS
from northstar.pipeline.evaluation import (
    EvaluationInputs,
    EvaluationInvalid,
    Resampling,
    evaluate,
)
from northstar.pipeline.evaluation.forms import metric_names
from northstar.registry.domain import Evidence, Task

rng = np.random.default_rng(21)
ROWS = 1500
TABLE = pd.DataFrame(rng.normal(size=(ROWS, 2)), columns=["a", "b"]).assign(
    origin=rng.choice(["EWR", "JFK"], ROWS)
)
SIGNAL = (TABLE.a * TABLE.b + 0.3 * TABLE.a).to_numpy()  # a line finds only the second part
CHANCE = 1 / (1 + np.exp(-2 * SIGNAL))
TARGETS: dict[Task, Any] = {
    "regression": SIGNAL + rng.normal(0, 0.3, ROWS),
    "binary": (rng.random(ROWS) < CHANCE) * 1.0,
    "multiclass": np.digitize(SIGNAL + rng.normal(0, 0.3, ROWS), [-0.5, 0.5]) * 1.0,
}
GOOD: dict[Task, Any] = {
    "regression": SIGNAL,
    "binary": CHANCE,
    "multiclass": np.stack([SIGNAL < -0.5, np.abs(SIGNAL) <= 0.5, SIGNAL > 0.5], axis=1) * 0.8
    + 0.2 / 3,
}
HALF = ROWS // 2


def inputs(task: Task, **changes: Any) -> EvaluationInputs:
    metric = {"regression": "rmse", "binary": "roc_auc", "multiclass": "log_loss"}[task]
    given = EvaluationInputs(
        task=task,
        metric=metric,
        train=TABLE[:HALF],
        train_target=TARGETS[task][:HALF],
        test=TABLE[HALF:],
        test_target=TARGETS[task][HALF:],
        candidate=GOOD[task][HALF:],
        resampling=Resampling(replicates=100),
    )
    return replace(given, **changes)


@pytest.mark.parametrize("task", TARGETS)
def test_a_candidate_that_knows_more_beats_the_baseline(task: Task) -> None:
    result = evaluate(inputs(task))
    assert set(result.metrics) == set(result.baseline) == set(metric_names(task))
    difference = result.baseline_difference
    assert difference is not None
    assert difference.low is not None
    assert difference.low > 0
    primary = result.primary_metric
    sign = 1 if METRICS[primary].higher_is_better else -1
    gap = sign * (result.metrics[primary].value - result.baseline[primary].value)
    assert difference.value == pytest.approx(gap)
    assert result.leak_suspects == []
    assert (result.calibration_error is None) == (task == "regression")


@pytest.mark.parametrize("task", TARGETS)
def test_the_order_of_the_test_rows_does_not_change_the_values(task: Task) -> None:
    order = rng.permutation(ROWS - HALF)
    straight = evaluate(inputs(task))
    shuffled = evaluate(
        inputs(
            task,
            test=TABLE[HALF:].iloc[order],
            test_target=TARGETS[task][HALF:][order],
            candidate=GOOD[task][HALF:][order],
        )
    )
    for name, metric in straight.metrics.items():
        assert shuffled.metrics[name].value == pytest.approx(metric.value, rel=1e-9)


def test_the_live_version_is_compared_on_the_same_rows() -> None:
    worse = np.clip(CHANCE[HALF:] + rng.normal(0, 0.3, ROWS - HALF), 0, 1)
    result = evaluate(inputs("binary", live=worse, live_version=4))
    assert result.live_version == 4
    assert result.live_difference is not None
    assert result.live_difference.low is not None
    assert result.live_difference.low > 0
    assert evaluate(inputs("binary", live_version=4)).live_version is None


def test_the_same_inputs_give_the_same_evidence() -> None:
    facts: dict[str, Any] = {
        "latency_ms_p50": 1.0,
        "latency_ms_p99": 2.0,
        "signature_present": True,
    }
    first, second = (evaluate(inputs("binary")).evidence(**facts) for _ in range(2))
    assert first.baseline_coefficients
    assert first == second
    assert Evidence.model_validate_json(first.model_dump_json()) == first


def test_slices_are_measured_by_value_and_by_quarter() -> None:
    table = TABLE[HALF:]
    slices = {"origin": table.origin, "a": table.a, "rare": np.arange(len(table)) < 10}
    result = evaluate(inputs("binary", slices=slices))
    rows = {(s.column, s.value): s.rows for s in result.slices}
    assert rows["origin", "EWR"] == (table.origin == "EWR").sum()
    assert sum(count for (column, _), count in rows.items() if column == "a") == len(table)
    assert len([column for column, _ in rows if column == "a"]) == 4
    assert [value for column, value in rows if column == "rare"] == ["0"]


def test_leaks_and_clocks_are_reported() -> None:
    time = np.datetime64("2013-01-01") + np.arange(ROWS).astype("m8[m]")
    table = TABLE.assign(outcome=TARGETS["binary"], row=np.arange(ROWS))
    found = evaluate(
        inputs(
            "binary",
            train=table[:HALF],
            test=table[HALF:],
            train_time=time[:HALF],
            test_time=time[HALF:],
        )
    ).leak_suspects
    assert [(s.feature, s.kind) for s in found] == [("outcome", "target"), ("row", "time")]


def test_two_columns_of_binary_probabilities_mean_the_second() -> None:
    both = np.column_stack([1 - CHANCE[HALF:], CHANCE[HALF:]])
    assert evaluate(inputs("binary", candidate=both)).metrics == evaluate(inputs("binary")).metrics


BAD: list[tuple[Task, dict[str, Any], str]] = [
    (
        "binary",
        {"candidate": CHANCE},
        r"The candidate's predictions have shape \(1500,\); \(750,\) is needed",
    ),
    ("binary", {"candidate": SIGNAL[HALF:]}, "which are no probabilities"),
    ("binary", {"candidate": np.full(750, np.nan)}, "750 missing or infinite"),
    ("binary", {"candidate": ["late"] * 750}, "not a number"),
    ("binary", {"live": CHANCE, "live_version": 7}, "The live version v7's predictions have shape"),
    ("binary", {"test_target": np.full(750, 2.0)}, "holds 2, which is not a class"),
    ("binary", {"test_target": np.zeros(750)}, "roc_auc is not defined on the 750 rows"),
    ("binary", {"train_target": np.zeros(750)}, "one class only"),
    ("binary", {"metric": "rmse"}, "'rmse' is not a metric of binary"),
    ("binary", {"test": TABLE[:10]}, "has 10 rows where 750 are expected"),
    ("regression", {"candidate": np.zeros((750, 2))}, r"shape \(750, 2\)"),
    ("regression", {"train_target": np.full(750, np.nan)}, "missing in 750 of 750 rows"),
    ("multiclass", {"candidate": np.ones((750, 2)) / 2}, r"\(750, 3 or more\) is needed"),
    ("multiclass", {"candidate": np.zeros((750, 3))}, "no probability for any class"),
]


@pytest.mark.parametrize(("task", "changes", "message"), BAD)
def test_what_cannot_be_evaluated_is_refused_by_name(
    task: Task, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(EvaluationInvalid, match=message):
        evaluate(inputs(task, **changes))
