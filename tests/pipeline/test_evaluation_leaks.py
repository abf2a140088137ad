"""Leaks are found, ordinary features are left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from northstar.pipeline.evaluation import find_clocks, find_target_leaks
from northstar.registry.domain import Task

ROWS = 3000
rng = np.random.default_rng(11)
NOISE = rng.normal(size=(ROWS, 3))
VALUE = NOISE @ [1.0, 0.5, 0.3] + rng.normal(size=ROWS) * 2
LATE = (VALUE > 1).astype(float)
KIND = np.digitize(VALUE, [-1, 1]).astype(float)
HONEST = pd.DataFrame(NOISE, columns=["a", "b", "c"]).assign(
    origin=rng.choice(["EWR", "JFK"], ROWS), name=[f"N{i}" for i in range(ROWS)]
)
TARGETS: dict[Task, Any] = {"regression": VALUE, "binary": LATE, "multiclass": KIND}
LEAKS = {
    "itself": lambda y: y,
    "upside down": lambda y: -3 * y + 5,
    "in words": lambda y: [f"about {round(v)}" for v in y],
}


@pytest.mark.parametrize("task", TARGETS)
def test_honest_features_are_left_alone(task: Task) -> None:
    assert find_target_leaks(HONEST, TARGETS[task], task) == []


@pytest.mark.parametrize("task", TARGETS)
@pytest.mark.parametrize("how", LEAKS)
def test_a_feature_made_from_the_target_is_found(task: Task, how: str) -> None:
    table = HONEST.assign(leak=LEAKS[how](TARGETS[task]))
    suspects = find_target_leaks(table, TARGETS[task], task)
    assert [(s.feature, s.kind) for s in suspects] == [("leak", "target")]
    assert suspects[0].score > 0.8
    assert "leave it out" in suspects[0].explanation


def test_a_feature_that_is_filled_in_only_after_the_event_is_found() -> None:
    table = HONEST.assign(refund=np.where(LATE == 1, rng.normal(size=ROWS), np.nan))
    assert [s.feature for s in find_target_leaks(table, LATE, "binary")] == ["refund"]


def test_a_leak_that_is_not_perfect_stands_out_from_the_crowd() -> None:
    table = HONEST.assign(departed_late=VALUE + rng.normal(size=ROWS))
    (suspect,) = find_target_leaks(table, LATE, "binary")
    assert suspect.feature == "departed_late"
    assert 0.85 < suspect.score < 0.99


@pytest.mark.parametrize("load", [datasets.load_breast_cancer, datasets.load_wine])
def test_data_that_is_easy_by_nature_has_no_suspects(load: Any) -> None:
    table, target = load(return_X_y=True, as_frame=True)
    task: Task = "binary" if target.nunique() == 2 else "multiclass"
    assert find_target_leaks(table, target.to_numpy(float), task) == []


TIME = np.datetime64("2013-01-01") + np.sort(rng.integers(0, 90 * 1440, ROWS)).astype("m8[m]")
DAY = ((TIME - TIME[0]) / np.timedelta64(1, "D")).astype(int)
FEATURES = HONEST.assign(hour=rng.integers(0, 24, ROWS), day_of_week=DAY % 7, flag=DAY == 40)
CLOCKS = {
    "month": TIME.astype("datetime64[M]").astype(int) % 12 + 1,
    "counting down": -np.arange(ROWS),
    "nearly in order": DAY + rng.normal(0, 2, ROWS),
    "moment": TIME + np.timedelta64(3, "h"),
    "number": [f"A{i:06d}" for i in range(ROWS)],
    "with gaps": np.where(rng.random(ROWS) < 0.3, np.nan, np.arange(ROWS)),
    "week": [f"week {d // 10}" for d in DAY],
    "plan": [f"plan {(7 * (i // 810)) % 4}" for i in range(ROWS)],
}


def clocks(table: Any, shuffled: bool = False) -> list[str]:
    order = rng.permutation(ROWS) if shuffled else np.arange(ROWS)
    train, test = np.sort(order[:2430]), np.sort(order[2430:])
    suspects = find_clocks(table.iloc[train], table.iloc[test], TIME[train], TIME[test])
    assert all(s.kind == "time" and 0.98 <= s.score <= 1 for s in suspects)
    return [s.feature for s in suspects]


@pytest.mark.parametrize("shuffled", [False, True])
def test_features_that_come_round_again_are_no_clocks(shuffled: bool) -> None:
    assert clocks(FEATURES, shuffled) == []


@pytest.mark.parametrize("name", CLOCKS)
def test_a_clock_is_found(name: str) -> None:
    assert clocks(FEATURES.assign(suspect=CLOCKS[name])) == ["suspect"]


def test_a_clock_is_found_in_a_random_split_too() -> None:
    assert clocks(FEATURES.assign(suspect=CLOCKS["month"]), shuffled=True) == ["suspect"]


def test_few_rows_accuse_nobody() -> None:
    few = FEATURES.iloc[:20].assign(suspect=np.arange(20))
    assert find_target_leaks(few, LATE[:20], "binary") == []
    assert find_clocks(few[:10], few[10:], TIME[:10], TIME[10:20]) == []
