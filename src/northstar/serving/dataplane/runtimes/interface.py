"""The port of a loaded model, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from northstar.registry.domain import Column, Task
from northstar.serving.dataplane.inputs import Rows

Answers = list[float] | list[list[float]]
"""One number a row, or for multiclass one list of class probabilities a row."""


@dataclass(frozen=True)
class Predictions:
    """A model's answers for a table.

    Attributes:
        values: the predicted value, or the probability of ``classes[1]`` (binary), or of the
            winning class (multiclass); float64, one for each row.
        probabilities: rows × classes, in the order of ``classes``; ``None`` for regression.
        labels: the winning class of each row as text; ``None`` for regression.
    """

    values: NDArray[np.float64]
    probabilities: NDArray[np.float64] | None = None
    labels: NDArray[np.object_] | None = None


@dataclass(frozen=True)
class ModelFacts:
    """What is known of a model besides its parameters."""

    task: Task
    columns: tuple[Column, ...]
    classes: tuple[str, ...] | None


class Runtime(Protocol):
    """A loaded model. Not safe for use by several threads at once.

    ``predict_rows`` changes the lists it is given. Both calls raise ``BadInput`` for values that
    do not fit the columns and ``ModelBroken`` for answers of the wrong shape.
    """

    @property
    def facts(self) -> ModelFacts: ...

    def predict_rows(self, rows: Rows) -> Answers:
        """Answer a request's rows (at least one)."""
        ...

    def predict_table(self, columns: Mapping[str, NDArray[Any]]) -> Predictions:
        """Answer a whole table, given by column; extra columns are ignored."""
        ...


def served_values(answers: Answers) -> list[float]:
    """One number a row: the answer itself, or the winning class's probability."""
    return [max(answer) if isinstance(answer, list) else answer for answer in answers]


def predictions_from(
    answers: NDArray[np.float64], task: Task, classes: Sequence[str] | None
) -> Predictions:
    """Make ``Predictions`` from one number a row, or for multiclass one row of probabilities."""
    if task == "regression":
        return Predictions(values=answers)
    names = np.array(list(classes or _numbered(task, answers)), dtype=object)
    if task == "binary":
        both = np.column_stack([1.0 - answers, answers])
        return Predictions(answers, both, names[(answers > 0.5).astype(int)])
    winner = answers.argmax(axis=1)
    return Predictions(answers[np.arange(len(answers)), winner], answers, names[winner])


def _numbered(task: Task, answers: NDArray[np.float64]) -> list[str]:
    count = 2 if task == "binary" else answers.shape[1]
    return [str(i) for i in range(count)]
