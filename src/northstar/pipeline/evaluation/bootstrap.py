"""How sure a metric is: percentile intervals by the bootstrap (Efron and Tibshirani 1993, ch. 13).

A replicate draws as many rows as there are, with replacement, which is the same as giving each row
a weight of 0, 1, 2 … All models are measured on the same draws, so that differences between them
are paired: what is hard for both cancels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from northstar.metrics import METRICS, Floats
from northstar.pipeline.evaluation.weighted import Weighted, prepare
from northstar.registry.domain import Metric, Task

_LEVELS = (0.025, 0.975)
_DEFINED_SHARE = 0.5


@dataclass(frozen=True)
class Resampling:
    """How replicates are drawn.

    Attributes:
        replicates: how many; the interval's ends move by a few per cent of its width at 400.
        row_limit: with more rows than this, replicates are drawn from a random part of this size
            and the spread is shrunk by the square root of the shares (Bickel, Götze and van Zwet
            1997), so that cost stays bounded.
        seed: of the draws; the same seed and rows give the same intervals.
    """

    replicates: int = 400
    row_limit: int = 50_000
    seed: int = 0


@dataclass(frozen=True)
class Replicates:
    """Metrics of several models on the whole and on every replicate.

    Attributes:
        values: by model and metric, on all rows.
        draws: by model and metric, around ``values``, one entry for each replicate.
    """

    values: Mapping[tuple[str, str], float]
    draws: Mapping[tuple[str, str], Floats]

    def metric(self, model: str, name: str) -> Metric | None:
        """A metric with its 95 % interval; ``None`` where the rows do not define it."""
        key = model, name
        return _with_interval(self.values[key], self.draws[key])

    def difference(self, model: str, other: str, name: str) -> Metric | None:
        """How much better ``model`` is than ``other``, whichever way the metric points."""
        sign = 1.0 if METRICS[name].higher_is_better else -1.0
        ours, theirs = (model, name), (other, name)
        return _with_interval(
            sign * (self.values[ours] - self.values[theirs]),
            sign * (self.draws[ours] - self.draws[theirs]),
        )


def replicate(
    task: Task,
    truth: Floats,
    predictions: Mapping[str, Floats],
    names: Mapping[str, Sequence[str]],
    resampling: Resampling,
    groups: NDArray[Any] | None = None,
) -> Replicates:
    """Measure several models' predictions of the same rows on the same replicates.

    Args:
        predictions: by model, in the form of ``northstar.metrics``.
        names: by model, which metrics are wanted.
        groups: says which rows belong together, (rows,); they are drawn together, since rows of
            one group tell less than as many rows of different ones.
    """
    values = {
        (model, name): METRICS[name].function(truth, predictions[model])
        for model in predictions
        for name in names[model]
    }
    rng = np.random.default_rng(resampling.seed)
    units = _Units.of(len(truth), groups).part(resampling.row_limit, rng)
    rows = units.rows
    prepared: list[tuple[str, Weighted]] = [
        (model, weighted)
        for model, prediction in predictions.items()
        for weighted in prepare(task, names[model], truth[rows], prediction[rows])
    ]
    keys = [(model, name) for model, weighted in prepared for name in weighted.names]
    whole = _measure(prepared, np.ones(units.row_count))
    found = np.array(
        [_measure(prepared, weights) for weights in units.draw(resampling.replicates, rng)]
    ).reshape(-1, len(keys))
    return Replicates(
        values,
        {
            key: values[key] + units.shrinkage * (found[:, i] - whole[i])
            for i, key in enumerate(keys)
        },
    )


def _measure(prepared: Sequence[tuple[str, Weighted]], weights: Floats) -> list[float]:
    return [value for _, weighted in prepared for value in weighted.at(weights)]


def _with_interval(value: float, draws: Floats) -> Metric | None:
    if not np.isfinite(value):
        return None
    defined = draws[np.isfinite(draws)]
    if len(defined) < max(2, _DEFINED_SHARE * len(draws)):
        return Metric(value=value)
    low, high = np.quantile(defined, _LEVELS).tolist()
    return Metric(value=value, low=low, high=high)


@dataclass(frozen=True)
class _Units:
    """What is drawn: rows, or groups of rows, perhaps only a part of them.

    Attributes:
        count: how many units there are to draw from.
        rows: those that take part.
        row_count: how many rows that is.
        unit_of_row: of each row that takes part; ``None`` where units are rows.
        shrinkage: of the spread, for the units that do not take part.
    """

    count: int
    rows: NDArray[np.intp] | slice
    row_count: int
    unit_of_row: NDArray[np.intp] | None
    shrinkage: float = 1.0

    @classmethod
    def of(cls, rows: int, groups: NDArray[Any] | None) -> _Units:
        if groups is None:
            return cls(rows, slice(None), rows, None)
        kept, unit = np.unique(np.asarray(groups).astype(str), return_inverse=True)
        return cls(len(kept), slice(None), rows, unit)

    def part(self, row_limit: int, rng: np.random.Generator) -> _Units:
        kept = int(self.count * row_limit / self.row_count)
        if self.row_count <= row_limit or kept < 2:
            return self
        chosen = np.sort(rng.choice(self.count, kept, replace=False))
        shrinkage = float(np.sqrt(kept / self.count))
        if self.unit_of_row is None:
            return _Units(kept, chosen, kept, None, shrinkage)
        rows = np.flatnonzero(np.isin(self.unit_of_row, chosen))
        units = np.searchsorted(chosen, self.unit_of_row[rows])
        return _Units(kept, rows, len(rows), units, shrinkage)

    def draw(self, replicates: int, rng: np.random.Generator) -> Iterator[Floats]:
        """Row weights, one array at a time: all of them would not fit in the cache, or at all."""
        for _ in range(replicates):
            drawn = rng.integers(0, self.count, self.count)
            weights = np.bincount(drawn, minlength=self.count).astype(np.float64)
            yield weights if self.unit_of_row is None else weights[self.unit_of_row]
