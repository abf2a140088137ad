"""Runtimes that predict from whole columns, for models that want a pandas table."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from northstar.serving.dataplane.inputs import Rows, column_arrays, table_rows
from northstar.serving.dataplane.runtimes.interface import (
    Answers,
    ModelFacts,
    Predictions,
    predictions_from,
)
from northstar.serving.errors import BadInput, ModelBroken

Columns = Mapping[str, NDArray[Any]]
Predict = Callable[[Columns], Any]


class ColumnsRuntime:
    """The runtime port over a function from columns to answers.

    Args:
        facts: the model's task, columns and classes.
        predict: gives one number a row (regression, or the probability of ``classes[1]``), or
            rows × classes of probabilities.
    """

    def __init__(self, facts: ModelFacts, predict: Predict) -> None:
        self.facts = facts
        self._predict = predict

    def predict_rows(self, rows: Rows) -> Answers:
        answers = self._answers(column_arrays(rows, self.facts.columns), len(rows))
        listed: Answers = answers.tolist()
        return listed

    def predict_table(self, columns: Columns) -> Predictions:
        rows = table_rows(columns, self.facts.columns)
        wanted = {column.name: columns[column.name] for column in self.facts.columns}
        return predictions_from(self._answers(wanted, rows), self.facts.task, self.facts.classes)

    def _answers(self, columns: Columns, rows: int) -> NDArray[np.float64]:
        try:
            answers = np.asarray(self._predict(columns), dtype=np.float64)
        except (BadInput, ModelBroken):
            raise
        except Exception as error:
            raise ModelBroken(f"The model failed: {type(error).__name__}: {error}.") from error
        if self.facts.task == "multiclass":
            wanted: tuple[int, ...] = (rows, len(self.facts.classes or ()))
        else:
            wanted = (rows,)
            if answers.shape == (rows, 1):
                answers = answers[:, 0]
            elif answers.shape == (rows, 2) and self.facts.task == "binary":
                answers = answers[:, 1]
        if answers.shape != wanted:
            raise ModelBroken(
                f"The model answered {rows} rows with an array of shape {answers.shape}, "
                f"not {wanted}."
            )
        return answers


def data_frame(columns: Columns) -> Any:
    """The columns as a pandas table, in their order."""
    return importlib.import_module("pandas").DataFrame(dict(columns))
