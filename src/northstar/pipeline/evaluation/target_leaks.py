"""Features that are too good to be true: one alone knows the target.

Nothing here can prove a leak; it finds what somebody who knows the data should look at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from northstar.metrics import Floats, roc_auc
from northstar.pipeline.evaluation.columns import (
    Column,
    Numbers,
    Table,
    Words,
    read_columns,
    some_rows,
    take_rows,
)
from northstar.registry.domain import LeakSuspect, Task

Codes = NDArray[np.int64]

_BINS = 32
_SMOOTHING_ROWS = 5.0
_FEWEST_ROWS = 50
_NAME_LIMIT = 200


@dataclass(frozen=True)
class LeakRules:
    """When a feature becomes a suspect.

    Skill runs from 0 (a guess) to 1 (certainty): 2 AUC − 1 for two classes, R² for values, and the
    share of the squared error of the class frequencies that is explained for several classes.

    Attributes:
        certain: a feature with this much skill of its own is a suspect, whatever the others do.
        outstanding: so is one with this much if it has ``lead`` times the skill of the best
            feature that is no suspect: real features come in crowds, leaks stand alone. At most a
            third of the features can stand out so.
        row_limit: how many rows, drawn at random, are looked at.
    """

    certain: float = 0.98
    outstanding: float = 0.7
    lead: float = 2.0
    row_limit: int = 20_000


def find_target_leaks(
    table: Table, target: Floats, task: Task, *, seed: int = 0, rules: LeakRules | None = None
) -> list[LeakSuspect]:
    """Features of which a single one predicts the target too well; the strongest first.

    Each feature is judged alone by what its values (or 32 bins of them, or its being missing) say
    of rows that they were not learnt from, so a column of unique names does not count as a leak.
    """
    rules = rules or LeakRules()
    columns = read_columns(table, len(target))
    if len(target) < _FEWEST_ROWS:
        return []
    rng = np.random.default_rng(seed)
    rows = some_rows(len(target), rules.row_limit, rng)
    outcomes, fold = _outcomes(target[rows], task), rng.random(len(rows)) < 0.5
    skills = {
        name: _skill(take_rows(column, rows), target[rows], outcomes, fold, task)
        for name, column in columns.items()
    }
    ranked = sorted(skills, key=lambda name: -skills[name])
    count = _count_suspects([skills[name] for name in ranked], rules)
    runner_up = skills[ranked[count]] if count < len(ranked) else 0.0
    return [
        LeakSuspect(
            feature=name[:_NAME_LIMIT],
            kind="target",
            score=_score(skills[name], task),
            explanation=_TARGET.format(
                measure=_measure(skills[name], task),
                runner_up=_measure(runner_up, task),
                rows=len(rows),
            ),
        )
        for name in ranked[:count]
    ]


_TARGET = (
    "It alone tells the target with {measure} on {rows:,} training rows; the next best feature "
    "reaches {runner_up}. What is known before the outcome hardly ever says so much: it was "
    "probably filled in afterwards, or made from the target. Ask when its value is known. If that "
    "is after the prediction, leave it out, since in production it will be missing or stale, and "
    "the test, which leaks too, can't show it."
)


def _count_suspects(skills: Sequence[float], rules: LeakRules) -> int:
    """How many of the skills, the highest first, are suspicious."""
    certain = sum(skill >= rules.certain for skill in skills)
    for count in range(len(skills) // 3, certain, -1):
        last, next_best = skills[count - 1], skills[count]
        if last >= max(rules.outstanding, rules.lead * next_best):
            return count
    return certain


def _score(skill: float, task: Task) -> float:
    return (1.0 + skill) / 2.0 if task == "binary" else skill


def _measure(skill: float, task: Task) -> str:
    name = {"binary": "AUC", "regression": "R²", "multiclass": "explained share"}[task]
    return f"{name} {_score(skill, task):.3f}"


def _skill(
    column: Column, target: Floats, outcomes: Floats, fold: NDArray[np.bool_], task: Task
) -> float:
    if not isinstance(column, Numbers | Words):  # a moment is judged as a clock
        return 0.0
    expected = _cross_fitted(_codes(column), outcomes, fold)
    if task == "binary":
        skills = [2 * roc_auc(target, expected[:, 0]) - 1]
    else:
        spread = float(np.square(outcomes - outcomes.mean(axis=0)).sum())
        left = float(np.square(outcomes - expected).sum())
        skills = [1 - left / spread if spread else 0.0]
    if isinstance(column, Numbers) and task != "multiclass":
        # Bins are too coarse for a feature that is the target, or nearly.
        skills.append(_straight_skill(column.values, target, task))
    return float(np.clip(np.nan_to_num(max(skills)), 0.0, 1.0))


def _straight_skill(values: Floats, target: Floats, task: Task) -> float:
    known = ~np.isnan(values)
    if known.mean() < 0.5 or np.ptp(values[known]) == 0 or np.ptp(target[known]) == 0:
        return 0.0
    if task == "binary":
        return abs(2 * roc_auc(target[known], values[known]) - 1)
    return float(np.corrcoef(values[known], target[known])[0, 1] ** 2)


def _cross_fitted(codes: Codes, outcomes: Floats, fold: NDArray[np.bool_]) -> Floats:
    """The mean outcome (rows × outcomes) of each row's code, learnt from the other half of rows."""
    expected = np.empty_like(outcomes)
    size = int(codes.max()) + 1
    for half in (fold, ~fold):
        learn, apply = codes[half], ~half
        prior = outcomes[half].mean(axis=0) if half.any() else outcomes.mean(axis=0)
        counts = np.bincount(learn, minlength=size) + _SMOOTHING_ROWS
        for k in range(outcomes.shape[1]):
            sums = np.bincount(learn, outcomes[half, k], size) + _SMOOTHING_ROWS * prior[k]
            expected[apply, k] = (sums / counts)[codes[apply]]
    return expected


def _codes(column: Numbers | Words) -> Codes:
    """Values as small numbers from 0; a missing value has one of its own."""
    if isinstance(column, Words):
        return np.asarray(column.codes + 1)
    missing = np.isnan(column.values)
    present = column.values[~missing]
    edges = (
        np.unique(np.quantile(present, np.linspace(0, 1, _BINS + 1)[1:-1]))
        if present.size
        else present
    )
    codes: Codes = np.asarray(np.searchsorted(edges, column.values, side="left") + 1)
    codes[missing] = 0
    return codes


def _outcomes(target: Floats, task: Task) -> Floats:
    """The target as rows × outcomes: itself, or an indicator of each class."""
    if task != "multiclass":
        return target[:, None]
    return np.asarray(target[:, None] == np.unique(target), dtype=np.float64)
