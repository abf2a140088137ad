"""The reference that a version is held against, and the profiles of what it was asked since.

Both have a constant size, whatever the number of rows; both go through JSON and come back equal.
The reference travels with the model version, so each version is judged by its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from northstar.errors import Invalid
from northstar.metrics import METRICS, Floats
from northstar.monitoring import exemplars
from northstar.monitoring.calibration import calibrate, pool, pool_rare
from northstar.monitoring.columns import (
    Bins,
    ColumnCounts,
    Moments,
    NumericBins,
    Values,
    Words,
    choose_bins,
    count,
    encode,
    take,
)
from northstar.monitoring.reference import (
    ColumnReference,
    MetricReference,
    Reference,
    StretchMetric,
)
from northstar.monitoring.uncertainty import estimate

WHOLE = 0.9
"""Share of the usual number of days with events from which a stretch of time counts as whole.

A part of a week has other week days than a week: held against whole ones it would always drift.
"""

_LEAST_STRETCH_ROWS = 30


@dataclass(frozen=True)
class Profile:
    """A window's rows, counted over the bins of their version's reference; mergeable.

    ``first`` and ``last`` are the extreme event times, ``None`` only where there are no rows;
    ``days`` are the days with events, counted from 1970-01-01 in UTC; ``traces`` are exemplars.
    """

    rows: int = 0
    first: datetime | None = None
    last: datetime | None = None
    days: frozenset[int] = frozenset()
    columns: Mapping[str, ColumnCounts] = field(default_factory=dict)
    prediction: ColumnCounts | None = None
    traces: tuple[str, ...] = ()

    def merge(self, other: Profile) -> Profile:
        """The profile of both sets of rows together; both must have the same reference."""
        if not self.rows:
            return other
        if not other.rows:
            return self
        return Profile(
            rows=self.rows + other.rows,
            first=min(t for t in (self.first, other.first) if t),
            last=max(t for t in (self.last, other.last) if t),
            days=self.days | other.days,
            columns={
                name: counts.merge(other.columns[name]) for name, counts in self.columns.items()
            },
            prediction=self.prediction.merge(other.prediction)
            if self.prediction and other.prediction
            else None,
            traces=exemplars.choose(self.traces + other.traces),
        )

    def to_json(self) -> dict[str, Any]:
        """A form that ``from_json`` reads back."""
        return {
            "rows": self.rows,
            "first": self.first.isoformat() if self.first else None,
            "last": self.last.isoformat() if self.last else None,
            "days": sorted(self.days),
            "columns": {name: counts.to_json() for name, counts in self.columns.items()},
            "prediction": self.prediction.to_json() if self.prediction else None,
            "traces": list(self.traces),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Profile:
        """Read what ``to_json`` wrote."""
        return cls(
            rows=int(data["rows"]),
            first=datetime.fromisoformat(data["first"]) if data["first"] else None,
            last=datetime.fromisoformat(data["last"]) if data["last"] else None,
            days=frozenset(data["days"]),
            columns={name: ColumnCounts.from_json(c) for name, c in data["columns"].items()},
            prediction=ColumnCounts.from_json(data["prediction"]) if data["prediction"] else None,
            traces=tuple(data.get("traces", ())),  # absent in those of earlier releases
        )


def build_reference(
    columns: Mapping[str, NDArray[Any]],
    predictions: NDArray[Any],
    labels: NDArray[Any] | None,
    times: NDArray[Any] | None,
    task: str,
    metric: str,
    window_days: float,
    *,
    held_out: NDArray[np.bool_] | None = None,
    classes: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Build a version's reference, as JSON.

    Give all rows that the version was made from, those that it was trained on too: the more
    stretches of time there are, the better natural variation is known. ``held_out`` then marks the
    rows that it was not trained on; predictions and labels count on these alone (on all rows where
    it is ``None``), because a model is too sure of what it has seen.

    Args:
        columns: the model's input columns, shape (rows,) each; any type.
        predictions: values, probabilities of the positive class, or for multiclass probabilities
            of shape (rows, classes).
        labels: values, 0 and 1, or class indices; ``None`` where there are none.
        times: event times, ``datetime64`` or ``datetime``, taken as UTC; without them natural
            variation between windows is unknown, and only large drift is told.
        metric: the primary metric, a name in ``northstar.metrics.METRICS``.
        classes: for multiclass, the labels in the order of the probabilities.

    Raises ``Invalid`` for an unknown metric or columns of different lengths.
    """
    rows = len(predictions)
    _check(columns, rows, metric)
    unseen = np.ones(rows, dtype=bool) if held_out is None else np.asarray(held_out, dtype=bool)
    stretches = _stretches(times, rows, window_days)
    chunks = [stretch.rows for stretch in stretches]
    names = [str(name) for name in classes] if classes is not None else None
    values = np.asarray(predictions, dtype=np.float64)
    answers = answer_values(values, names)
    measured = {
        str(name): _column_reference(encode(array), chunks) for name, array in columns.items()
    }
    prediction = _column_reference(answers, chunks, unseen) if unseen.any() else None
    settled = _lend_strength([*measured.values(), *([prediction] if prediction else [])])
    reference = Reference.model_validate(
        {
            "task": task,
            "window_days": window_days,
            "rows": rows,
            "usual_days": _usual_days(stretches),
            "classes": names,
            "columns": dict(zip(measured, settled, strict=False)),
            "prediction": settled[-1] if prediction else None,
            "performance": _metric_reference(metric, labels, values, stretches, unseen),
        }
    )
    return reference.model_dump(mode="json")


def profile_rows(
    reference: Reference | None,
    columns: Mapping[str, Values],
    answers: Values,
    times: NDArray[np.datetime64],
) -> Profile:
    """Profile some rows of one window; without a reference only their number is known.

    A column of the reference that the rows lack counts as missing in all of them.

    Args:
        times: event times in UTC, at least one.
    """
    moments = _microseconds(times)
    rows = moments.size
    lacking = Moments(np.zeros(rows, dtype=bool))
    known = reference.columns if reference else {}
    answer = reference.prediction if reference else None
    return Profile(
        rows=rows,
        first=_moment(moments.min()),
        last=_moment(moments.max()),
        days=frozenset(_days(moments).tolist()),
        columns={
            name: count(column.bins, columns.get(name, lacking)) for name, column in known.items()
        },
        prediction=count(answer.bins, answers) if answer else None,
    )


def answer_values(predictions: NDArray[Any], classes: Sequence[str] | None) -> Values:
    """Predictions as a column to count: numbers, or for multiclass the most probable label."""
    if predictions.ndim == 1:
        return predictions.astype(np.float64)
    best = predictions.argmax(axis=1).astype(np.int64)
    names = classes or [str(index) for index in range(predictions.shape[1])]
    return Words(best, list(names))


def _column_reference(
    values: Values, chunks: list[NDArray[np.bool_]], own: NDArray[np.bool_] | None = None
) -> ColumnReference:
    """``own`` marks the rows of the reference histogram (default: all)."""
    chosen = values if own is None else take(values, own)
    bins = choose_bins(chosen)
    whole = count(bins, chosen)
    parts = [count(bins, take(values, chunk)) for chunk in chunks]
    return ColumnReference(
        bins=bins,
        counts=whole.counts.tolist(),
        missing_share=whole.missing / max(whole.rows, 1),
        missing_between=_deviation([part.missing / max(part.rows, 1) for part in parts]),
        strange_share=_outside_share(values, chunks)
        if isinstance(bins, NumericBins)
        else _strange_share(parts),
        mean=whole.mean if whole.numbers else None,
        deviation=float(np.sqrt(whole.spread / whole.numbers)) if whole.numbers else None,
        calibration=calibrate(_comparable(bins, whole, parts)),
    )


def _check(columns: Mapping[str, NDArray[Any]], rows: int, metric: str) -> None:
    if metric not in METRICS:
        raise Invalid(f"{metric!r} is not a metric.", hint=f"Use one of {', '.join(METRICS)}.")
    for name, array in columns.items():
        if len(array) != rows:
            raise Invalid(f"Column {name!r} has {len(array)} rows, the predictions {rows}.")


def _lend_strength(columns: list[ColumnReference]) -> list[ColumnReference]:
    calibrations = pool([column.calibration for column in columns])
    return [
        column.model_copy(update={"calibration": calibration})
        for column, calibration in zip(columns, calibrations, strict=True)
    ]


def _comparable(
    bins: Bins, whole: ColumnCounts, parts: list[ColumnCounts]
) -> list[NDArray[np.int64]]:
    histograms = [part.counts for part in parts]
    if isinstance(bins, NumericBins):
        return histograms
    return pool_rare(whole.counts, *histograms)[1:]


def _metric_reference(
    metric: str,
    labels: NDArray[Any] | None,
    predictions: Floats,
    stretches: list[_Stretch],
    held_out: NDArray[np.bool_],
) -> MetricReference | None:
    if labels is None:
        return None
    truth = np.asarray(labels, dtype=np.float64)
    usable = np.isfinite(truth) & np.isfinite(predictions.reshape(len(truth), -1)).all(axis=1)
    whole = estimate(metric, truth[usable & held_out], predictions[usable & held_out])
    if whole is None:
        return None
    measured = []
    for stretch in stretches:
        of_held_out = float(held_out[stretch.rows].mean())
        if 1 - WHOLE < of_held_out < WHOLE:
            continue  # half seen, half unseen: comparable with neither
        rows = stretch.rows & usable & (held_out if of_held_out >= WHOLE else ~held_out)
        part = estimate(metric, truth[rows], predictions[rows])
        if part is not None:
            measured.append(
                StretchMetric(
                    start=stretch.start,
                    held_out=of_held_out >= WHOLE,
                    value=part.value,
                    standard_error=part.standard_error,
                    rows=part.rows,
                )
            )
    usual_rows = float(np.mean([stretch.rows.sum() for stretch in stretches] or [np.inf]))
    return MetricReference(
        metric=metric,
        higher_is_better=METRICS[metric].higher_is_better,
        value=whole.value,
        standard_error=whole.standard_error,
        rows=whole.rows,
        windows=whole.rows / usual_rows,
        stretches=measured,
    )


@dataclass(frozen=True)
class _Stretch:
    """A window's length of the reference: where it starts, which rows, on how many days."""

    start: datetime
    rows: NDArray[np.bool_]
    days: int


def _stretches(times: NDArray[Any] | None, rows: int, window_days: float) -> list[_Stretch]:
    """The reference cut into windows from its first day on, less those it covers in part only."""
    if times is None or not rows:
        return []
    moments = _microseconds(times)
    known = ~np.isnat(moments)
    if not known.any():
        return []
    length = np.timedelta64(round(window_days * 86_400_000_000), "us")
    origin = moments[known].min().astype("datetime64[D]").astype("datetime64[us]")
    numbers = np.where(known, (moments - origin) // length, -1)
    found = []
    for number in range(int(numbers.max()) + 1):
        inside = numbers == number
        if inside.sum() >= _LEAST_STRETCH_ROWS:
            start = _moment(origin + number * length)
            found.append(_Stretch(start, inside, _days(moments[inside]).size))
    usual = _usual_days(found)
    return [stretch for stretch in found if stretch.days >= WHOLE * usual]


def _usual_days(stretches: list[_Stretch]) -> float:
    return float(np.median([stretch.days for stretch in stretches])) if stretches else 0.0


def _days(moments: NDArray[np.datetime64]) -> NDArray[np.int64]:
    return np.unique(moments.astype("datetime64[D]").astype(np.int64))


def _moment(value: np.datetime64) -> datetime:
    naive: datetime = value.astype("datetime64[us]").item()
    return naive.replace(tzinfo=UTC)


def _microseconds(times: NDArray[Any]) -> NDArray[np.datetime64]:
    array = np.asarray(times)
    if array.dtype.kind != "M":
        naive = [t.astimezone(UTC).replace(tzinfo=None) if t.tzinfo else t for t in array.tolist()]
        array = np.array(naive, dtype="datetime64[us]")
    return array.astype("datetime64[us]")


def _strange_share(parts: list[ColumnCounts]) -> float:
    if len(parts) < 2:
        return 0.0
    total = np.sum([part.counts for part in parts], axis=0)
    own = [float(part.counts[total == part.counts].sum()) / max(part.present, 1) for part in parts]
    return max(own)


def _outside_share(values: Values, chunks: list[NDArray[np.bool_]]) -> float:
    """Largest share of a stretch beyond the extremes of all others."""
    if not isinstance(values, np.ndarray) or len(chunks) < 2:
        return 0.0
    parts = [values[chunk & np.isfinite(values)] for chunk in chunks]
    parts = [part for part in parts if part.size]
    lows, highs = [float(part.min()) for part in parts], [float(part.max()) for part in parts]
    found = 0.0
    for place, part in enumerate(parts):
        low = min(lows[:place] + lows[place + 1 :], default=-np.inf)
        high = max(highs[:place] + highs[place + 1 :], default=np.inf)
        found = max(found, float(((part < low) | (part > high)).mean()))
    return found


def _deviation(values: list[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
