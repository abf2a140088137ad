"""Metrics of predictions against the truth; NumPy only, vectorised, without sampling.

The form of a prediction depends on the task:

- regression: values, shape (rows,); the truth is values, shape (rows,);
- binary: the probability of the positive class, shape (rows,); the truth is 0 or 1;
- multiclass: probabilities, shape (rows, classes); the truth is the class index.

A metric that the rows do not define, such as a ranking metric with one class only, is ``nan``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_TINY = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class MetricDefinition:
    """How a metric is computed, which way is better, and for which tasks it is defined."""

    function: Callable[[NDArray[Any], Floats], float]
    higher_is_better: bool
    tasks: frozenset[str]


def roc_auc(truth: NDArray[Any], prediction: Floats) -> float:
    """Area under the ROC curve: the chance that a positive row outranks a negative; ties half."""
    positive = np.asarray(truth) == 1
    positives = int(positive.sum())
    negatives = positive.size - positives
    if not positives or not negatives:
        return float("nan")
    rank_sum = float(midranks(prediction)[positive].sum())
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def midranks(values: Floats) -> Floats:
    """Ranks from 1, equal values sharing the mean of their ranks."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts, dtype=np.float64)
    middle: Floats = last - (counts - 1) / 2
    return middle[group]


def average_precision(truth: NDArray[Any], prediction: Floats) -> float:
    """Precision averaged over the recall that each distinct threshold adds."""
    positive = np.asarray(truth) == 1
    positives = int(positive.sum())
    if not positives:
        return float("nan")
    order = np.argsort(-prediction, kind="stable")
    descending = prediction[order]
    ends = np.flatnonzero(np.append(descending[1:] != descending[:-1], True))
    hits = np.cumsum(positive[order])[ends]
    precision = hits / (ends + 1)
    return float(np.sum(precision * np.diff(hits, prepend=0)) / positives)


def log_loss(truth: NDArray[Any], prediction: Floats) -> float:
    """Mean negative log likelihood in nats, binary or multiclass."""
    return _mean(log_losses(truth, prediction))


def log_losses(truth: NDArray[Any], prediction: Floats) -> Floats:
    """The negative log likelihood of each row, probabilities kept off 0 and 1."""
    if prediction.ndim == 1:
        own = np.where(np.asarray(truth) == 1, prediction, 1.0 - prediction)
    else:
        total = prediction.sum(axis=1)
        own = prediction[np.arange(len(prediction)), np.asarray(truth, dtype=np.int64)] / total
    losses: Floats = -np.log(np.clip(own, _TINY, 1.0))
    return losses


def brier(truth: NDArray[Any], prediction: Floats) -> float:
    """Mean squared difference between the probability and what happened."""
    return _mean(np.square(prediction - (np.asarray(truth) == 1)))


def accuracy(truth: NDArray[Any], prediction: Floats) -> float:
    """Share of rows whose most probable class is the true one (binary: threshold one half)."""
    return _mean((classes_of(prediction) == np.asarray(truth)).astype(np.float64))


def macro_f1(truth: NDArray[Any], prediction: Floats) -> float:
    """F1 averaged over the classes that occur in truth or prediction, each weighing the same."""
    predicted, actual = classes_of(prediction), np.asarray(truth, dtype=np.int64)
    size = int(max(predicted.max(initial=-1), actual.max(initial=-1))) + 1
    hits = np.bincount(actual[predicted == actual], minlength=size)
    seen = np.bincount(predicted, minlength=size) + np.bincount(actual, minlength=size)
    return _mean(2 * hits[seen > 0] / seen[seen > 0])


def classes_of(prediction: Floats) -> NDArray[np.int64]:
    """The most probable class of each row (binary: 1 from one half upwards)."""
    if prediction.ndim == 1:
        return (prediction >= 0.5).astype(np.int64)
    return np.asarray(np.argmax(prediction, axis=1), dtype=np.int64)


def rmse(truth: NDArray[Any], prediction: Floats) -> float:
    """Root of the mean squared error, in the target's unit."""
    return float(np.sqrt(_mean(np.square(prediction - truth))))


def mae(truth: NDArray[Any], prediction: Floats) -> float:
    """Mean absolute error, in the target's unit."""
    return _mean(np.abs(prediction - truth))


def r2(truth: NDArray[Any], prediction: Floats) -> float:
    """Share of the target's variance that the prediction explains; the target's mean scores 0."""
    actual = np.asarray(truth, dtype=np.float64)
    spread = float(np.sum(np.square(actual - actual.mean()))) if actual.size else 0.0
    if spread == 0.0:
        return float("nan")
    return 1.0 - float(np.sum(np.square(prediction - actual))) / spread


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else float("nan")


_REGRESSION = frozenset({"regression"})
_BINARY = frozenset({"binary"})
_MULTICLASS = frozenset({"multiclass"})

METRICS: dict[str, MetricDefinition] = {
    "rmse": MetricDefinition(rmse, higher_is_better=False, tasks=_REGRESSION),
    "mae": MetricDefinition(mae, higher_is_better=False, tasks=_REGRESSION),
    "r2": MetricDefinition(r2, higher_is_better=True, tasks=_REGRESSION),
    "roc_auc": MetricDefinition(roc_auc, higher_is_better=True, tasks=_BINARY),
    "log_loss": MetricDefinition(log_loss, higher_is_better=False, tasks=_BINARY | _MULTICLASS),
    "brier": MetricDefinition(brier, higher_is_better=False, tasks=_BINARY),
    "average_precision": MetricDefinition(average_precision, higher_is_better=True, tasks=_BINARY),
    "accuracy": MetricDefinition(accuracy, higher_is_better=True, tasks=_BINARY | _MULTICLASS),
    "macro_f1": MetricDefinition(macro_f1, higher_is_better=True, tasks=_MULTICLASS),
}
