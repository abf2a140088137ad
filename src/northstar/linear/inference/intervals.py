"""How sure a prediction is: of the mean at a row, and of one new outcome there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from northstar.linear.errors import BadInput
from northstar.linear.inference.fitted import (
    critical_value,
    is_least_squares,
    read_parameters,
    read_rows,
    several_classes,
)
from northstar.linear.optimisation.losses import sigmoid
from northstar.linear.tables import Floats


@dataclass(frozen=True, eq=False)
class Intervals:
    """Predictions with the ends of their intervals, each of shape (rows,)."""

    prediction: Floats
    low: Floats
    high: Floats


def mean_interval(model: Any, X: Any, level: float = 0.95) -> Intervals:
    """The mean of the outcomes at each row of a table, with its confidence interval.

    For a classifier that is the probability of ``classes_[1]``, for counts the expected count; the
    interval is that of the score, carried through the link, so it never leaves the possible
    range. Raises ``BadInput`` for a model of several classes or without standard errors.
    """
    scores, variances, reference, _ = _scores(model, X)
    reach = critical_value(reference, level) * np.sqrt(variances)
    low, middle, high = (_mean(model, each) for each in (scores - reach, scores, scores + reach))
    return Intervals(middle, low, high)


def prediction_interval(model: Any, X: Any, level: float = 0.95) -> Intervals:
    """One new outcome at each row of a table, of weight 1, with its interval.

    Wider than ``mean_interval`` by the noise itself, and only as good as the noise is normal and
    even, which more rows do not mend: run ``diagnose``. Least squares only; a class or a small
    count has no useful interval.
    """
    if not is_least_squares(model):
        raise BadInput(
            f"{type(model).__name__} predicts no values with even noise, so there is no "
            "prediction interval; use mean_interval."
        )
    scores, variances, reference, noise = _scores(model, X)
    reach = critical_value(reference, level) * np.sqrt(variances + noise)
    return Intervals(scores, scores - reach, scores + reach)


def contrasts(model: Any, combinations: Floats, level: float = 0.95) -> Intervals:
    """Sums of parameters, such as the difference of two coefficients, with their intervals.

    Args:
        combinations: (sums, parameters), the factor of each parameter in each sum; the intercept
            comes first where there is one, and a model of several classes has them class by class.
    """
    found = read_parameters(model)
    values = combinations @ found.values
    variances = np.einsum("ij,jk,ik->i", combinations, found.covariance, combinations)
    reach = critical_value(found.reference, level) * np.sqrt(np.maximum(variances, 0.0))
    return Intervals(values, values - reach, values + reach)


def _scores(model: Any, X: Any) -> tuple[Floats, Floats, Any, float]:
    """Scores (rows,), their variances, the reference distribution, and the noise's variance."""
    found = read_parameters(model)
    if several_classes(model):
        raise BadInput("A model of several classes has no single score; fit one against the rest.")
    matrix = read_rows(model, X)
    start = int(model.fit_intercept)
    scores = matrix @ found.values[start:] + (found.values[0] if start else 0.0)
    slopes = found.covariance[start:, start:]
    if is_least_squares(model):
        # Around the means, intercept and slopes are independent: no digits cancel.
        triangle = model.triangle_
        matrix = matrix - triangle.means
        extra = found.variance / triangle.weight if start else 0.0
    else:
        across = found.covariance[0, 1:] if start else np.zeros(matrix.shape[1])
        extra = (found.covariance[0, 0] if start else 0.0) + 2.0 * matrix @ across
    variances = np.einsum("ij,jk,ik->i", matrix, slopes, matrix, optimize=True) + extra
    return scores, np.maximum(variances, 0.0), found.reference, found.variance


def _mean(model: Any, scores: Floats) -> Floats:
    if is_least_squares(model):
        return scores
    return sigmoid(scores) if hasattr(model, "classes_") else np.exp(scores)
