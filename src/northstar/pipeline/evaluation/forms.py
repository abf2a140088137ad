"""Targets and predictions, checked once before they are measured."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from northstar.metrics import METRICS, Floats
from northstar.pipeline.evaluation.errors import EvaluationInvalid
from northstar.registry.domain import Task


def metric_names(task: Task) -> list[str]:
    """The metrics that are defined for a task."""
    return [name for name, metric in METRICS.items() if task in metric.tasks]


def read_target(target: ArrayLike, task: Task, what: str) -> Floats:
    """A target as numbers, shape (rows,), in the form of ``northstar.metrics``.

    Args:
        what: names it in messages, such as ``The test target``.

    Raises ``EvaluationInvalid`` for no rows, missing values, and values that are no classes.
    """
    values = _numbers(target, what)
    if values.ndim != 1 or not values.size:
        raise EvaluationInvalid(f"{what} has shape {values.shape}; one value a row is needed.")
    missing = int((~np.isfinite(values)).sum())
    if missing:
        raise EvaluationInvalid(
            f"{what} is missing in {missing} of {len(values)} rows.",
            hint="Leave rows without a known outcome out of the data.",
        )
    if task == "regression":
        return values
    strange = values[
        (values < 0) | (values != np.floor(values)) | ((task == "binary") & (values > 1))
    ]
    if strange.size:
        raise EvaluationInvalid(
            f"{what} holds {strange[0]:g}, which is not a class of a {task} task.",
            hint="Encode it as 0 and 1." if task == "binary" else "Encode it as class indices.",
        )
    return values


def read_prediction(
    prediction: ArrayLike, task: Task, rows: int, classes: int, what: str
) -> NDArray[Any]:
    """A model's predictions for ``rows`` rows, in the form of ``northstar.metrics``.

    Binary predictions may come with two columns, of which the second is taken.

    Args:
        classes: how many there are at least (multiclass).
        what: names the model in messages, such as ``The candidate``.

    Raises ``EvaluationInvalid`` for a wrong shape, missing values and impossible probabilities.
    """
    values = _numbers(prediction, f"{what}'s prediction")
    if values.ndim == 2 and (values.shape[1] == 1 or (task == "binary" and values.shape[1] == 2)):
        values = values[:, -1]
    wanted = f"({rows}, {classes} or more)" if task == "multiclass" else f"({rows},)"
    fits = values.shape == (rows,)
    if task == "multiclass":
        fits = values.ndim == 2 and len(values) == rows and values.shape[1] >= classes
    if not fits:
        raise EvaluationInvalid(
            f"{what}'s predictions have shape {values.shape}; {wanted} is needed.",
            hint=_SHAPES[task],
        )
    broken = int((~np.isfinite(values)).sum())
    if broken:
        raise EvaluationInvalid(f"{what} predicts {broken} missing or infinite values.")
    if task != "regression" and (values.min() < -_SLACK or values.max() > 1 + _SLACK):
        raise EvaluationInvalid(
            f"{what} predicts values from {values.min():.3g} to {values.max():.3g}, which are no "
            "probabilities.",
            hint="Give a model with predict_proba, or probabilities from 0 to 1.",
        )
    if task == "multiclass" and not (values.sum(axis=1) > 0).all():
        raise EvaluationInvalid(f"{what} gives some rows no probability for any class.")
    return values if task == "regression" else np.clip(values, 0.0, 1.0)


_SLACK = 1e-6
_SHAPES: dict[Task, str] = {
    "regression": "A regression predicts one value for each row.",
    "binary": "A binary classifier gives the probability of the positive class for each row.",
    "multiclass": "A classifier gives each row a probability for every class.",
}


def _numbers(values: ArrayLike, what: str) -> Floats:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise EvaluationInvalid(f"{what} holds something that is not a number: {error}.") from error
