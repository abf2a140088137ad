"""Asking a model for its answers, in a process that it may crash or hang without harm."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from northstar.pipeline.errors import ModelUnusable, ScriptFailed
from northstar.pipeline.process import Child, Echo, python_environment, run_child
from northstar.pipeline.run_folder import RunFolder
from northstar.project.domain import Task
from northstar.registry.domain import Column

_TIMEOUT_SECONDS = 900.0


@dataclass(frozen=True)
class Scored:
    """A model's answers to every row of the run's data, and what it says of itself.

    Attributes:
        answers: values, probabilities of ``classes[1]`` (binary), or rows × classes.
        latency_ms: of a one-row prediction: median and 99th percentile.
    """

    flavor: str
    has_signature: bool
    columns: list[Column]
    classes: list[str] | None
    answers: NDArray[np.float64]
    latency_ms: tuple[float, float]


def score_model(
    model: Path,
    name: str,
    task: Task,
    labels: Sequence[str] | None,
    project: Path,
    folder: RunFolder,
    echo: Echo,
    cache: Path | None = None,
) -> Scored:
    """Score the run's data with the model folder ``model``.

    Args:
        name: tells several models of a run apart, such as ``candidate``.
        labels: the target's values as text, for models that don't know them.
        cache: a folder with conversions of this one model.

    Raises ``ModelUnusable`` for whatever is wrong with the model, a crash included.
    """
    folder.work.mkdir(exist_ok=True)
    order, facts_file = folder.work / f"score-{name}.json", folder.work / f"facts-{name}.json"
    answers_file = folder.work / f"answers-{name}.npy"
    order.write_text(
        json.dumps(
            {
                "model": str(model),
                "data": str(folder.data),
                "task": task,
                "labels": list(labels) if labels else None,
                "cache": str(cache) if cache else None,
                "answers": str(answers_file),
                "facts": str(facts_file),
            }
        )
    )
    child = Child(
        what=f"Asking the {name} model for predictions",
        command=[sys.executable, "-m", "northstar.pipeline.children.score", str(order)],
        folder=project,
        environment=python_environment(project),
        log=folder.log(f"score-{name}"),
        timeout_seconds=_TIMEOUT_SECONDS,
    )
    try:
        run_child(child, echo)
    except ScriptFailed as error:
        raise ModelUnusable(error.message, hint=error.hint) from error
    facts = json.loads(facts_file.read_text())
    if told := facts.get("error"):
        raise ModelUnusable(told["message"], hint=told["hint"])
    median, slowest = facts["latency_ms"]
    return Scored(
        flavor=facts["flavor"],
        has_signature=facts["signature"],
        columns=[Column.model_validate(column) for column in facts["columns"]],
        classes=facts["classes"],
        answers=np.asarray(np.load(answers_file), dtype=np.float64),
        latency_ms=(median, slowest),
    )
