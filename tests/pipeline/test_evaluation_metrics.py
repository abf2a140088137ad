"""Weighted metrics are the metrics of repeated rows; intervals cover; differences are paired."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from northstar.metrics import METRICS, Floats
from northstar.pipeline.evaluation.bootstrap import Resampling, replicate
from northstar.pipeline.evaluation.forms import metric_names
from northstar.pipeline.evaluation.weighted import prepare
from northstar.registry.domain import Task

TASKS: tuple[Task, ...] = get_args(Task)
seeds = st.integers(0, 2**32 - 1)


def sample(task: Task, seed: int, rows: int = 40) -> tuple[Floats, Floats]:
    """A truth and a prediction of it, with ties in the scores."""
    rng = np.random.default_rng(seed)
    if task == "regression":
        truth = rng.normal(100, 3, rows)
        return truth, truth + rng.normal(size=rows)
    if task == "binary":
        score = np.round(rng.random(rows), 1)
        return (rng.random(rows) < score).astype(float), score
    return rng.integers(0, 3, rows).astype(float), rng.dirichlet(np.ones(3), rows)


def measure(task: Task, truth: Floats, prediction: Floats, weights: Floats) -> dict[str, float]:
    families = prepare(task, metric_names(task), truth, prediction)
    return {
        name: value
        for family in families
        for name, value in zip(family.names, family.at(weights), strict=True)
    }


@pytest.mark.parametrize("task", TASKS)
@given(seed=seeds)
@settings(deadline=None, max_examples=40)
def test_a_weight_of_two_is_the_row_twice(task: Task, seed: int) -> None:
    truth, prediction = sample(task, seed)
    counts = np.random.default_rng(seed).integers(0, 3, len(truth))
    repeated = np.repeat(truth, counts), np.repeat(prediction, counts, axis=0)
    for name, value in measure(task, truth, prediction, counts.astype(float)).items():
        expected = METRICS[name].function(*repeated)
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True), name


@given(seed=seeds)
@settings(deadline=None, max_examples=40)
def test_weighted_ranking_metrics_agree_with_scikit_learn(seed: int) -> None:
    truth, score = sample("binary", seed, 60)
    truth[:2] = 0.0, 1.0
    weights = np.random.default_rng(seed).exponential(size=60)
    found = measure("binary", truth, score, weights)
    area = oracle.roc_auc_score(truth, score, sample_weight=weights)
    precision = oracle.average_precision_score(truth, score, sample_weight=weights)
    assert found["roc_auc"] == pytest.approx(area)
    assert found["average_precision"] == pytest.approx(precision)


@pytest.mark.parametrize("task", TASKS)
def test_no_weight_defines_no_metric(task: Task) -> None:
    truth, prediction = sample(task, 1)
    values = measure(task, truth, prediction, np.zeros(len(truth)))
    assert np.isnan(list(values.values())).all()


def _compare(
    task: Task, truth: Floats, ours: Floats, theirs: Floats, name: str, **drawing: Any
) -> Any:
    groups = drawing.pop("groups", None)
    predictions, names = {"a": ours, "b": theirs}, {"a": [name], "b": [name]}
    return replicate(task, truth, predictions, names, Resampling(**drawing), groups)


@pytest.mark.parametrize("name", ["roc_auc", "log_loss"])
def test_a_difference_is_positive_when_the_first_is_better(name: str) -> None:
    rng = np.random.default_rng(0)
    chance = rng.random(2000)
    truth = (rng.random(2000) < chance).astype(float)
    worse = np.clip(0.5 + 0.5 * (chance - 0.5) + rng.normal(0, 0.2, 2000), 0.01, 0.99)
    found = _compare("binary", truth, chance, worse, name).difference("a", "b", name)
    assert found.low > 0
    assert found.low < found.value < found.high


def test_a_model_differs_from_itself_by_exactly_nothing() -> None:
    truth, prediction = sample("binary", 3, 500)
    found = _compare("binary", truth, prediction, prediction, "roc_auc")
    assert found.difference("a", "b", "roc_auc").model_dump() == {
        "value": 0.0,
        "low": 0.0,
        "high": 0.0,
    }


def test_an_interval_of_a_mean_has_the_textbook_width() -> None:
    errors = np.random.default_rng(5).normal(size=2000)
    truth = np.zeros(2000)
    metric = _compare("regression", truth, np.abs(errors), errors, "mae").metric("a", "mae")
    expected = 2 * 1.96 * np.abs(errors).std() / np.sqrt(2000)
    assert metric.high - metric.low == pytest.approx(expected, rel=0.15)


def test_many_rows_are_drawn_in_part_with_the_same_spread() -> None:
    rng = np.random.default_rng(6)
    truth, prediction = np.zeros(20_000), rng.normal(size=20_000)
    whole, part = (
        _compare("regression", truth, prediction, prediction, "rmse", row_limit=limit).metric(
            "a", "rmse"
        )
        for limit in (20_000, 2_000)
    )
    assert part.value == whole.value
    assert part.high - part.low == pytest.approx(whole.high - whole.low, rel=0.3)


@pytest.mark.parametrize("row_limit", [4_000, 1_000])
def test_rows_that_belong_together_count_once(row_limit: int) -> None:
    rng = np.random.default_rng(7)
    groups = np.repeat(np.arange(400), 10)
    prediction, truth = np.repeat(rng.normal(size=400), 10), np.zeros(4000)
    rows, grouped = (
        _compare(
            "regression", truth, prediction, prediction, "mae", groups=g, row_limit=row_limit
        ).metric("a", "mae")
        for g in (None, groups)
    )
    ratio = (grouped.high - grouped.low) / (rows.high - rows.low)
    assert ratio == pytest.approx(np.sqrt(10), rel=0.3)


def test_an_undefined_metric_is_none_and_an_unsure_one_has_no_interval() -> None:
    truth, score = np.zeros(50), np.linspace(0, 1, 50)
    assert _compare("binary", truth, score, score, "roc_auc").metric("a", "roc_auc") is None
    same = np.array([1.0, 1.0])  # half of all draws of two rows have one row twice: no variance
    found = _compare("regression", np.array([1.0, 2.0]), same, same, "r2", replicates=3, seed=0)
    assert found.metric("a", "r2").model_dump() == {"value": -1.0, "low": None, "high": None}
