"""LightGBM models through the C library: no pandas, one row in a few microseconds.

A model trained on pandas categories keeps them in its file (``pandas_categorical``); text is
encoded with them exactly as in training: the position in the list, and missing for anything else.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from northstar.registry.domain import Column, Task
from northstar.serving.dataplane.inputs import (
    NumberPacker,
    Rows,
    table_rows,
    typed_array,
)
from northstar.serving.dataplane.runtimes.interface import (
    Answers,
    ModelFacts,
    Predictions,
    predictions_from,
)
from northstar.serving.dataplane.runtimes.lightgbm_export import export_estimator
from northstar.serving.dataplane.runtimes.lightgbm_library import Booster
from northstar.serving.dataplane.runtimes.mlmodel import ModelFolder
from northstar.serving.dataplane.runtimes.pickles import find_pickle
from northstar.serving.errors import BadInput, ModelBroken

_NAN = float("nan")
_FLOAT64_BYTES = 8
_EXPORT = "booster.txt"
_TASKS: dict[str, Task] = {"binary": "binary", "multiclass": "multiclass"}
_REGRESSION = {
    "regression", "regression_l1", "huber", "fair", "poisson", "quantile", "mape", "gamma",
    "tweedie", "cross_entropy",
}  # fmt: skip


class LightGBMRuntime:
    """A LightGBM booster behind the runtime port."""

    def __init__(self, text: str, columns: Sequence[Column] | None, classes: list[str] | None):
        described = _describe(text)
        ordered = _in_training_order(described.features, columns)
        self.facts = ModelFacts(
            task=described.task,
            columns=ordered,
            classes=tuple(classes) if classes else described.default_classes,
        )
        self._booster = Booster(text.encode())
        self._codes = _category_codes(described, ordered)
        # After encoding, categories are numbers like all others.
        self._packer = NumberPacker(
            [c if i not in self._codes else Column(name=c.name, type="double")
             for i, c in enumerate(ordered)]
        )  # fmt: skip
        self._encoders = tuple(self._codes.items())
        self._single = described.task != "multiclass"

    def predict_rows(self, rows: Rows) -> Answers:
        booster = self._booster
        if len(rows) == 1:
            row = rows[0]
            if self._encoders:
                self._encode(row, 0)
            self._packer.pack_into(booster.row, 0, row)
            booster.predict_row()
            if self._single:
                return [booster.answer.item(0)]
            return [booster.answer.tolist()]
        matrix = np.empty((len(rows), booster.features), dtype=np.float64)
        stride = booster.features * _FLOAT64_BYTES
        for number, row in enumerate(rows):
            if self._encoders:
                self._encode(row, number)
            self._packer.pack_into(matrix, number * stride, row, number)
        answers = booster.predict(matrix)
        values: Answers = (answers[:, 0] if self._single else answers).tolist()
        return values

    def predict_table(self, columns: Mapping[str, NDArray[Any]]) -> Predictions:
        matrix = np.empty(
            (table_rows(columns, self.facts.columns), self._booster.features), dtype=np.float64
        )
        for i, column in enumerate(self.facts.columns):
            codes = self._codes.get(i)
            if codes is None:
                matrix[:, i] = _as_floats(columns[column.name], column)
            else:
                values = columns[column.name].tolist()
                matrix[:, i] = [codes.get(value, _NAN) for value in values]
        answers = self._booster.predict(matrix, threads=0)
        return predictions_from(
            answers[:, 0] if self._single else answers, self.facts.task, self.facts.classes
        )

    def _encode(self, row: list[Any], number: int) -> None:
        for i, codes in self._encoders:
            value = row[i]
            try:
                row[i] = codes[value]
            except (KeyError, TypeError):
                # Anything but a missing value or an unknown category is the caller's mistake.
                typed_array([value], self.facts.columns[i], first_row=number)
                row[i] = _NAN


def prepare(folder: ModelFolder, cache: Path) -> None:
    """Export a pickled estimator into ``cache``, if that has not been done; may take seconds.

    Raises ``ModelBroken``. Does nothing for a booster in LightGBM's own format.
    """
    exported = cache / _EXPORT
    if _is_text(folder) or exported.exists():
        return
    cache.mkdir(parents=True, exist_ok=True)
    unfinished = cache / f"unfinished-{os.getpid()}.txt"
    export_estimator(find_pickle(folder, "lightgbm", "data"), unfinished)
    unfinished.with_suffix(".json").replace(exported.with_suffix(".json"))
    unfinished.replace(exported)


def load(folder: ModelFolder, cache: Path | None) -> LightGBMRuntime:
    """Load the ``lightgbm`` flavor of a model folder; raises ``ModelBroken``.

    Args:
        cache: a folder of this one model's own, in which an export of a pickled estimator is
            kept for the next start.
    """
    if _is_text(folder):
        return LightGBMRuntime(folder.data("lightgbm").read_text(), folder.columns, None)
    if cache is None:
        with tempfile.TemporaryDirectory() as temporary:
            return load(folder, Path(temporary))
    prepare(folder, cache)
    exported = cache / _EXPORT
    classes = json.loads(exported.with_suffix(".json").read_text())["classes"]
    return LightGBMRuntime(exported.read_text(), folder.columns, classes)


def _is_text(folder: ModelFolder) -> bool:
    return folder.data("lightgbm").suffix == ".lgb"


@dataclass(frozen=True)
class _Description:
    """What the head and tail of LightGBM's text format say."""

    features: list[str]
    task: Task
    default_classes: tuple[str, ...] | None
    categories: list[list[Any]]
    categorical_features: list[int]


def _describe(text: str) -> _Description:
    head = text.partition("\nTree=")[0]
    fields = dict(line.split("=", 1) for line in head.splitlines() if "=" in line)
    if "feature_names" not in fields or "objective" not in fields:
        raise ModelBroken(
            "The LightGBM model has no objective of LightGBM's own.",
            hint="Train it with a built-in objective such as 'binary' or 'regression'.",
        )
    objective = fields["objective"].split()[0]
    task = _TASKS.get(objective)
    if task is None and objective not in _REGRESSION:
        raise ModelBroken(f"LightGBM's objective {objective!r} is not served.")
    tail = text[text.rfind("\npandas_categorical:") :].partition(":")[2]
    found = re.search(r"^\[categorical_feature: ([\d,]*)\]$", text, re.MULTILINE)
    listed = found.group(1) if found else ""
    count = int(fields["num_class"]) if task == "multiclass" else 2
    return _Description(
        features=fields["feature_names"].split(" "),
        task=task or "regression",
        default_classes=tuple(str(i) for i in range(count)) if task else None,
        categories=json.loads(tail.splitlines()[0]) or [] if tail else [],
        categorical_features=[int(i) for i in listed.split(",") if i],
    )


def _in_training_order(features: list[str], columns: Sequence[Column] | None) -> tuple[Column, ...]:
    """The signature's columns in the order the booster was trained with.

    LightGBM writes spaces in names as underscores; names that still don't match (``Column_0``)
    are taken by position.
    """
    if columns is None:
        return tuple(Column(name=name, type="double") for name in features)
    if len(columns) != len(features):
        raise ModelBroken(
            f"The signature has {len(columns)} columns, but the booster was trained "
            f"with {len(features)}."
        )
    by_name = {re.sub(r"\s", "_", column.name): column for column in columns}
    if set(by_name) == set(features):
        return tuple(by_name[name] for name in features)
    return tuple(columns)


def _category_codes(
    described: _Description, columns: Sequence[Column]
) -> dict[int, dict[Any, float]]:
    """For each categorical column, by position: category → code as in training."""
    texts = [i for i, column in enumerate(columns) if column.type == "string"]
    if not described.categories:
        if texts:
            raise ModelBroken(
                f"Column {columns[texts[0]].name!r} is text, but the booster knows no categories.",
                hint="Give LightGBM a pandas column of type 'category'.",
            )
        return {}
    wanted = len(described.categories)
    for positions in (described.categorical_features, texts):
        if len(positions) == wanted and set(texts) <= set(positions):
            return {
                position: {category: float(code) for code, category in enumerate(categories)}
                for position, categories in zip(positions, described.categories, strict=True)
            }
    raise ModelBroken(
        f"The booster has {wanted} categorical columns, and which ones they are cannot be told "
        f"from its {len(described.categorical_features)} categorical features and the "
        f"signature's {len(texts)} text columns.",
        hint="Leave categorical_feature to LightGBM ('auto') and use pandas' unordered categories.",
    )


def _as_floats(values: NDArray[Any], column: Column) -> NDArray[np.float64]:
    if values.dtype == object:
        values = typed_array(values.tolist(), column)
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"Column {column.name!r} is not numeric: {error}.") from error
