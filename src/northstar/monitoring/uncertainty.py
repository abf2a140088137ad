"""A metric with its standard error, cheap enough to be computed for every window again.

Means of losses have the textbook error, ranking by ROC the one of DeLong et al. (1988, Biometrics
44, 837) in Sun and Xu's (2014) rank form, RMSE the delta method's; the remaining metrics are
resampled. Rows count as independent: what makes weeks differ beyond that is judged between weeks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from northstar.metrics import METRICS, Floats, classes_of, log_losses, midranks

_RESAMPLES = 100
_SEED = 20130101
_Z95 = 1.96
_BETWEEN_0_AND_1 = frozenset({"roc_auc", "average_precision", "accuracy", "macro_f1", "brier"})


@dataclass(frozen=True)
class Estimate:
    """A metric's value on ``rows`` labelled rows, with its standard error."""

    metric: str
    value: float
    standard_error: float
    rows: int

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        low = self.value - _Z95 * self.standard_error
        return max(low, 0.0) if self.metric != "r2" else low

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        high = self.value + _Z95 * self.standard_error
        return min(high, 1.0) if self.metric in _BETWEEN_0_AND_1 | {"r2"} else high


def estimate(metric: str, truth: NDArray[Any], prediction: Floats) -> Estimate | None:
    """The metric and its standard error; ``None`` where the rows do not define it.

    Args:
        metric: a name in ``northstar.metrics.METRICS``.
        truth, prediction: in the form that module states.
    """
    rows = len(prediction)
    if rows < 2:
        return None
    value = METRICS[metric].function(truth, prediction)
    error = _standard_error(metric, truth, prediction, value)
    if not np.isfinite(value) or not np.isfinite(error):
        return None
    return Estimate(metric, value, error, rows)


def _standard_error(metric: str, truth: NDArray[Any], prediction: Floats, value: float) -> float:
    if metric == "roc_auc":
        return _delong(truth, prediction)
    if metric == "rmse":
        of_square = _error_of_mean(np.square(prediction - truth))
        return of_square / (2 * value) if value > 0 else 0.0
    losses = _row_losses(metric, truth, prediction)
    if losses is not None:
        return _error_of_mean(losses)
    return _resampled(metric, truth, prediction)


def _row_losses(metric: str, truth: NDArray[Any], prediction: Floats) -> Floats | None:
    if metric == "log_loss":
        return log_losses(truth, prediction)
    if metric == "brier":
        return np.asarray(np.square(prediction - truth), dtype=np.float64)
    if metric == "mae":
        return np.asarray(np.abs(prediction - truth), dtype=np.float64)
    if metric == "accuracy":
        return np.asarray(classes_of(prediction) == truth, dtype=np.float64)
    return None


def _delong(truth: NDArray[Any], prediction: Floats) -> float:
    positive = np.asarray(truth) == 1
    up, down = prediction[positive], prediction[~positive]
    if up.size < 2 or down.size < 2:
        return float("nan")
    ranks = midranks(prediction)
    of_up = (ranks[positive] - midranks(up)) / down.size
    of_down = 1.0 - (ranks[~positive] - midranks(down)) / up.size
    return float(np.sqrt(of_up.var(ddof=1) / up.size + of_down.var(ddof=1) / down.size))


def _resampled(metric: str, truth: NDArray[Any], prediction: Floats) -> float:
    generator = np.random.default_rng(_SEED)
    function = METRICS[metric].function
    values = []
    for _ in range(_RESAMPLES):
        rows = generator.integers(0, len(prediction), len(prediction))
        values.append(function(truth[rows], prediction[rows]))
    finite = np.array(values)[np.isfinite(values)]
    return float(finite.std(ddof=1)) if finite.size > 1 else float("nan")


def _error_of_mean(losses: Floats) -> float:
    return float(losses.std(ddof=1) / np.sqrt(losses.size))
