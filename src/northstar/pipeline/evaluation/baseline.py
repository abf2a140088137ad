"""The linear baseline: what a plain model makes of the same columns, without anybody's effort."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, JsonValue

from northstar.linear import (
    LogisticRegression,
    Model,
    Ridge,
    model_from_json,
    model_to_json,
)
from northstar.metrics import Floats
from northstar.pipeline.evaluation.columns import (
    Column,
    Numbers,
    Table,
    Words,
    column_rows,
    read_columns,
    some_rows,
    take_rows,
)
from northstar.pipeline.evaluation.effects import InputGroup, effects
from northstar.pipeline.evaluation.errors import EvaluationInvalid
from northstar.registry.domain import BaselineCoefficient, Task

_PENALTY = 1.0
_MOST_LEVELS = 12
_FEWEST_ROWS = 10
_WIDEST = 200
_ROW_LIMIT = 100_000


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True)

    column: str


class NumberInput(_Input):
    """A column of numbers: missing values become the mean, and the mean and spread 0 and 1."""

    kind: Literal["number"] = "number"
    mean: float
    scale: float


class WordInput(_Input):
    """A column of words: one indicator for each frequent level; other words give zeros."""

    kind: Literal["word"] = "word"
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline.

    Attributes:
        inputs: how each column becomes inputs of the model; columns of moments are not used.
        classes: how many (0 for regression).
        effects: what was learnt of each input, the largest effect first; none for a baseline that
            was read back from JSON.
    """

    task: Task
    inputs: tuple[NumberInput | WordInput, ...]
    model: Model
    classes: int
    effects: tuple[BaselineCoefficient, ...] = ()

    def predict(self, table: Table) -> Floats:
        """Predictions in the form of ``northstar.metrics``; raises ``EvaluationInvalid``.

        Columns that the table lacks, or that have become words where there were numbers, count as
        missing throughout.
        """
        matrix = _design(self.inputs, read_columns(table))
        if not isinstance(self.model, LogisticRegression):
            return self.model.predict(matrix)
        probabilities = np.zeros((len(matrix), self.classes))
        places = self.model.classes_.astype(np.int64)
        probabilities[:, places] = self.model.predict_proba(matrix)
        return probabilities[:, 1] if self.task == "binary" else probabilities

    def predict_proba(self, table: Table) -> Floats:
        """Probabilities, rows × classes, for a classifier."""
        prediction = self.predict(table)
        if self.task == "regression":
            raise EvaluationInvalid("A regression baseline has no probabilities; use predict.")
        if prediction.ndim == 2:
            return prediction
        return np.column_stack([1.0 - prediction, prediction])

    def to_json(self) -> dict[str, JsonValue]:
        """The baseline as JSON values."""
        return {
            "task": self.task,
            "inputs": [each.model_dump(mode="json") for each in self.inputs],
            "model": model_to_json(self.model),
            "classes": self.classes,
        }

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> Baseline:
        """The baseline that ``to_json`` described."""
        inputs = [
            NumberInput.model_validate(each)
            if each["kind"] == "number"
            else WordInput.model_validate(each)
            for each in described["inputs"]
        ]
        model = model_from_json(described["model"])
        return cls(described["task"], tuple(inputs), model, described["classes"])


def fit_baseline(
    table: Table, target: Floats, task: Task, *, classes: int | None = None, seed: int = 0
) -> Baseline:
    """Fit a ridge or logistic regression on what a table plainly holds.

    Numbers are standardised, with the mean where they are missing; of each column of words, the
    at most 12 levels with 10 rows or more become indicators, most frequent first, up to 200 inputs
    in all. Of more than 100,000 rows, so many are drawn at random: with p parameters, what rows
    could still teach is about p / rows of the noise, at most a five-hundredth here.

    Args:
        target: in the form of ``northstar.metrics``, (rows,).
        classes: how many there are (multiclass), when the target may lack some.

    Raises ``EvaluationInvalid`` for a classifier's target with one class only.
    """
    columns = read_columns(table, len(target))
    if task != "regression" and len(np.unique(target)) < 2:
        raise EvaluationInvalid(
            "The training target has one class only, so there is nothing to learn.",
            hint="Take a longer window of data, or another split.",
        )
    if len(target) > _ROW_LIMIT:
        rows = some_rows(len(target), _ROW_LIMIT, np.random.default_rng(seed))
        columns = {name: take_rows(column, rows) for name, column in columns.items()}
        target = target[rows]
    inputs = _choose_inputs(columns)
    matrix = _design(inputs, columns)
    model: Ridge | LogisticRegression
    if task == "regression":
        count, model = 0, Ridge(alpha=_PENALTY).fit(matrix, target)
    else:
        count = 2 if task == "binary" else max(classes or 0, int(target.max()) + 1)
        model = LogisticRegression(l2=_PENALTY).fit(matrix, target.astype(np.int64))
    learnt = effects(model, [_group(each) for each in inputs], matrix.mean(axis=0))
    return Baseline(task, inputs, model, count, learnt)


def _group(each: NumberInput | WordInput) -> InputGroup:
    if isinstance(each, NumberInput):
        return InputGroup((each.column,), levels=False)
    return InputGroup(tuple(f"{each.column}={level}" for level in each.levels), levels=True)


def _choose_inputs(columns: Mapping[str, Column]) -> tuple[NumberInput | WordInput, ...]:
    numbers = [_number_input(name, c) for name, c in columns.items() if isinstance(c, Numbers)]
    chosen: list[NumberInput | WordInput] = [each for each in numbers if each is not None]
    del chosen[_WIDEST:]
    room = _WIDEST - len(chosen)
    for name, column in columns.items():
        if isinstance(column, Words) and room:
            levels = _frequent_levels(column)[:room]
            if levels:
                chosen.append(WordInput(column=name, levels=levels))
                room -= len(levels)
    return tuple(chosen)


def _number_input(name: str, column: Numbers) -> NumberInput | None:
    known = column.values[~np.isnan(column.values)]
    if not known.size:
        return None
    # Divided first, so that the largest floats do not overflow in the sum of squares.
    size = float(np.abs(known).max()) or 1.0
    spread = size * float((known / size).std())
    mean = size * float((known / size).mean())
    if spread <= 1e-12 * size:
        return None
    return NumberInput(column=name, mean=mean, scale=spread)


def _frequent_levels(column: Words) -> tuple[str, ...]:
    counts = Counter(column.codes[column.codes >= 0].tolist())
    frequent = [code for code, rows in counts.items() if rows >= _FEWEST_ROWS]
    frequent.sort(key=lambda code: (-counts[code], column.levels[code]))
    return tuple(column.levels[code] for code in frequent[:_MOST_LEVELS])


def _design(inputs: tuple[NumberInput | WordInput, ...], columns: Mapping[str, Column]) -> Floats:
    """The model's inputs, rows × inputs; one column of zeros if there are none."""
    rows = next((column_rows(column) for column in columns.values()), 0)
    width = sum(1 if isinstance(each, NumberInput) else len(each.levels) for each in inputs)
    matrix = np.zeros((rows, max(width, 1)))
    at = 0
    for each in inputs:
        column = columns.get(each.column)
        if isinstance(each, NumberInput):
            if isinstance(column, Numbers):
                matrix[:, at] = np.nan_to_num((column.values - each.mean) / each.scale)
            at += 1
        else:
            if isinstance(column, Words):
                place = {level: at + i for i, level in enumerate(each.levels)}
                places = np.array([place.get(text, -1) for text in column.levels] + [-1])
                hits = places[column.codes]
                present = np.flatnonzero(hits >= 0)
                matrix[present, hits[present]] = 1.0
            at += len(each.levels)
    return matrix
