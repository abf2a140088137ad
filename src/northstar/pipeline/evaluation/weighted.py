"""The metrics of ``northstar.metrics`` for weighted rows, prepared to be taken many times over.

The bootstrap asks for the same metrics of the same rows under hundreds of weightings. What does
not depend on the weights (sorting, logarithms, errors) is done once here; each weighting then
costs a few passes over the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from northstar.metrics import Floats, classes_of, log_losses
from northstar.registry.domain import Task

_NAN = float("nan")


class Weighted(Protocol):
    """Metrics of one model on one set of rows, as a function of the rows' weights."""

    names: tuple[str, ...]

    def at(self, weights: Floats) -> list[float]:
        """The metrics, in the order of ``names``; NaN where the weights define none.

        Integer weights give what repeating the rows would.
        """
        ...


def prepare(
    task: Task, names: Sequence[str], truth: Floats, prediction: Floats
) -> tuple[Weighted, ...]:
    """Prepare the named metrics; each comes from one of the answers, in no particular order."""
    if task == "regression":
        return (_Errors(names, truth, prediction),)
    families: list[Weighted] = []
    means = [name for name in names if name in ("log_loss", "brier", "accuracy")]
    if means:
        families.append(_Means(means, truth, prediction))
    ranking = [name for name in names if name in ("roc_auc", "average_precision")]
    if ranking:
        families.append(_Ranking(ranking, truth, prediction))
    if "macro_f1" in names:
        families.append(_Confusion(truth, prediction))
    return tuple(families)


class _Errors:
    """rmse, mae and r2 from four weighted sums."""

    def __init__(self, names: Sequence[str], truth: Floats, prediction: Floats) -> None:
        self.names = tuple(names)
        errors = prediction - truth
        # Around the mean: the variance below would else be a difference of two large numbers.
        centred = truth - truth.mean()
        self._rows = np.stack([np.square(errors), np.abs(errors), centred, np.square(centred)])

    def at(self, weights: Floats) -> list[float]:
        """See ``Weighted``."""
        total = float(weights.sum())
        if not total:
            return [_NAN] * len(self.names)
        squares, absolutes, sums, spread = (self._rows @ weights).tolist()
        variation = spread - sums * sums / total
        values = {
            "rmse": float(np.sqrt(squares / total)),
            "mae": absolutes / total,
            "r2": 1.0 - squares / variation if variation > 0 else _NAN,
        }
        return [values[name] for name in self.names]


class _Means:
    """Metrics that are means over rows."""

    def __init__(self, names: Sequence[str], truth: Floats, prediction: Floats) -> None:
        self.names = tuple(names)
        self._rows = np.stack([_row_values(name, truth, prediction) for name in names])

    def at(self, weights: Floats) -> list[float]:
        """See ``Weighted``."""
        total = float(weights.sum())
        means: list[float] = (self._rows @ weights / total).tolist() if total else []
        return means or [_NAN] * len(self.names)


def _row_values(name: str, truth: Floats, prediction: Floats) -> Floats:
    if name == "log_loss":
        return log_losses(truth, prediction)
    if name == "brier":
        return np.asarray(np.square(prediction - truth))
    return np.asarray(classes_of(prediction) == truth, dtype=np.float64)


class _Ranking:
    """Metrics of the order that a score puts rows in, from the counts above each threshold.

    Rows are sorted from the highest score down; of rows with the same score, only the last is a
    threshold, which gives ties half in the ROC curve.
    """

    def __init__(self, names: Sequence[str], truth: Floats, prediction: Floats) -> None:
        self.names = tuple(names)
        self._order = np.argsort(-prediction, kind="stable")
        descending = prediction[self._order]
        self._positive = truth[self._order]
        ends = np.flatnonzero(np.append(descending[1:] != descending[:-1], True))
        self._ends: NDArray[np.intp] | None = None if len(ends) == len(truth) else ends

    def at(self, weights: Floats) -> list[float]:
        """See ``Weighted``."""
        ordered = weights[self._order]
        above, hits = np.cumsum(ordered), np.cumsum(ordered * self._positive)
        if self._ends is not None:
            above, hits = above[self._ends], hits[self._ends]
        positives, negatives = float(hits[-1]), float(above[-1] - hits[-1])
        values = {"roc_auc": _NAN, "average_precision": _NAN}
        if "roc_auc" in self.names and positives and negatives:
            misses = above - hits
            # Twice the area under the curve of hits over misses, by trapezia.
            twice = float(np.diff(misses) @ (hits[1:] + hits[:-1])) + float(misses[0] * hits[0])
            values["roc_auc"] = twice / (2.0 * positives * negatives)
        if "average_precision" in self.names and positives:
            gains = np.diff(hits, prepend=0.0)
            precision = hits / np.maximum(above, np.finfo(np.float64).tiny)
            values["average_precision"] = float(gains @ precision) / positives
        return [values[name] for name in self.names]


class _Confusion:
    """Macro F1 from the confusion matrix."""

    names: tuple[str, ...] = ("macro_f1",)

    def __init__(self, truth: Floats, prediction: Floats) -> None:
        actual, predicted = truth.astype(np.int64), classes_of(prediction)
        self._size = int(max(actual.max(), predicted.max())) + 1
        self._cells = actual * self._size + predicted

    def at(self, weights: Floats) -> list[float]:
        """See ``Weighted``."""
        size = self._size
        matrix = np.bincount(self._cells, weights, size * size).reshape(size, size)
        seen = matrix.sum(axis=0) + matrix.sum(axis=1)
        occurring = seen > 0
        if not occurring.any():
            return [_NAN]
        return [float(np.mean(2 * np.diagonal(matrix)[occurring] / seen[occurring]))]
