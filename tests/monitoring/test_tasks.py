"""Regression and many classes go the same way as two."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from northstar.monitoring.domain import Label
from northstar.monitoring.profile import build_reference
from northstar.registry.domain import Column, VersionRecord
from northstar.registry.fake import example_registration
from northstar.serving.dataplane.segments import CapturedRows, segment_table
from northstar.serving.domain import ModelSpec
from tests.monitoring.bench import DIGEST, PROD, START, WEEK, World

COLUMN = Column(name="x", type="double")
CLASSES = ("cat", "dog", "owl")
ROWS = 300


def moments(week: int) -> NDArray[np.datetime64]:
    seconds = np.linspace(0, 604_799, ROWS)
    start = np.datetime64((START + week * WEEK).replace(tzinfo=None), "us")
    return start + (seconds * 1e6).astype("timedelta64[us]")


def regression(rng: np.random.Generator, noise: float) -> tuple[Any, Any, list[Any]]:
    truth = rng.normal(10, 2, ROWS)
    return truth, truth + rng.normal(0, noise, ROWS), truth.tolist()


def multiclass(rng: np.random.Generator, noise: float) -> tuple[Any, Any, list[Any]]:
    truth = rng.integers(0, 3, ROWS)
    scores = np.eye(3)[truth] * 2 + rng.normal(0, noise, (ROWS, 3))
    answers = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return truth, answers, [CLASSES[label] for label in truth]


@pytest.mark.parametrize(
    ("task", "metric", "make", "classes"),
    [
        ("regression", "rmse", regression, None),
        ("regression", "r2", regression, None),
        ("multiclass", "log_loss", multiclass, CLASSES),
        ("multiclass", "macro_f1", multiclass, CLASSES),
    ],
)
def test_lost_skill_is_found_for_every_task(
    tmp_path: Path, task: Any, metric: str, make: Any, classes: tuple[str, ...] | None
) -> None:
    world, rng = World(tmp_path), np.random.default_rng(3)
    weeks = [make(rng, 0.7) for _ in range(6)]
    profile = build_reference(
        {"x": rng.normal(size=6 * ROWS)},
        np.concatenate([answers for _, answers, _ in weeks]),
        np.concatenate([truth for truth, _, _ in weeks]),
        np.concatenate([moments(week) for week in range(-6, 0)]),
        task,
        metric,
        7.0,
        classes=classes,
    )
    registration = example_registration(
        task=task,
        columns=[COLUMN],
        classes=list(classes) if classes else None,
        profile=profile,
        evidence={"primary_metric": metric, "task": task},
    )
    world.versions.add(
        VersionRecord(
            **registration.model_dump(),
            version=1,
            digest=DIGEST,
            registered_by="user:anna",
            registered_at=START,
        )
    )
    model = ModelSpec(
        version=1, digest=DIGEST, flavor="x", task=task, columns=(COLUMN,), classes=classes
    )
    labels: list[Label] = []
    for week, noise in enumerate([0.7, 2.5, 0.7]):
        _, answers, told = make(rng, noise)
        ids = [f"w{week}r{row}" for row in range(ROWS)]
        labels += [Label(prediction_id=i, label=x) for i, x in zip(ids, told, strict=True)]
        times = moments(week).astype(np.int64).tolist()
        rows = [[value] for value in rng.normal(size=ROWS).tolist()]
        captured = CapturedRows(ids, times, times, rows, answers.tolist(), [None] * ROWS)
        world.keep(segment_table(str(PROD), model, captured))
    world.monitor.step()
    assert world.push(labels).matched == 3 * ROWS
    told = [f for f in world.monitor.findings(PROD) if f.kind == "performance"]
    assert [f.window_start for f in told] == [START + timedelta(days=7)]
    world.database.close()
