"""Drift: inputs or predictions that no longer look like their reference, told apart from chance.

Each column has an alarm line of its own (``northstar.monitoring.calibration``): what it does by
itself from one week to the next does not cross it. The chance that an unchanged window crosses any
line is held to ``FALSE_ALARM``: half of it for the prediction, the other half shared by the inputs
(Bonferroni, valid under any dependence between them). And however many rows there are, a shift that
is too small to matter stays below the line.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from northstar.monitoring.calibration import distance, pool_rare, shares, threshold
from northstar.monitoring.columns import (
    CategoryBins,
    ColumnCounts,
    DiscreteBins,
    NumericBins,
    TimeBins,
)
from northstar.monitoring.domain import ColumnDrift, DriftSummary, Finding
from northstar.monitoring.profile import Profile
from northstar.monitoring.reference import ColumnReference, Reference

FALSE_ALARM = 0.01
SMALLEST_DISTANCE = 0.0125
"""The least distance that matters: a PSI of about 0.1, a mean shifted by 0.3 deviations."""

SMALLEST_UNCALIBRATED = 0.03
"""The same where natural variation is unknown: a PSI of about 0.25."""

_CALIBRATED_CHUNKS = 3
PREDICTION = "prediction"


def measure(profile: Profile, reference: Reference, minimum_rows: int) -> DriftSummary:
    """The drift of every column that has at least ``minimum_rows`` values, greatest first."""
    usable = {
        name: counts
        for name, counts in profile.columns.items()
        if _comparable(reference.columns[name], counts, minimum_rows)
    }
    share = FALSE_ALARM / 2 / max(len(usable), 1)
    columns = [
        _column(name, reference.columns[name], counts, share) for name, counts in usable.items()
    ]
    columns.sort(key=lambda column: -column.score)
    answer, own = reference.prediction, profile.prediction
    prediction = None
    if answer and own and _comparable(answer, own, minimum_rows):
        prediction = _column(PREDICTION, answer, own, FALSE_ALARM / 2)
    every = [*columns, prediction] if prediction else columns
    return DriftSummary(
        score=max((column.score for column in every), default=0.0),
        prediction=prediction,
        columns=columns,
    )


def detect(profile: Profile, reference: Reference, summary: DriftSummary) -> list[Finding]:
    """A finding for the prediction and for each column that is beyond its alarm line."""
    found = []
    if summary.prediction and summary.prediction.score > 1 and profile.prediction:
        change = _change(reference.prediction, profile.prediction)
        found.append(_finding(summary.prediction, f"Predictions have drifted{change}"))
    for column in summary.columns:
        if column.score > 1:
            change = _change(reference.columns[column.column], profile.columns[column.column])
            found.append(_finding(column, f"Input {column.column!r} has drifted{change}"))
    return found


def _comparable(reference: ColumnReference, counts: ColumnCounts, minimum_rows: int) -> bool:
    there = counts.present >= minimum_rows and sum(reference.counts) > 0
    return there and not isinstance(reference.bins, TimeBins)


def _column(
    name: str, reference: ColumnReference, counts: ColumnCounts, false_alarm: float
) -> ColumnDrift:
    old, new = reference.histogram, counts.counts
    if not isinstance(reference.bins, NumericBins):
        old, new = pool_rare(old, new)
    known = reference.calibration.chunks >= _CALIBRATED_CHUNKS
    limit = max(
        threshold(
            reference.calibration,
            bins=int(((old + new) > 0).sum()),
            rows=int(new.sum()),
            reference_rows=int(old.sum()),
            false_alarm=false_alarm,
        ),
        SMALLEST_DISTANCE if known else SMALLEST_UNCALIBRATED,
    )
    far = distance(old, new)
    return ColumnDrift(column=name, distance=far, limit=limit, score=far / limit)


def _finding(column: ColumnDrift, message: str) -> Finding:
    return Finding(
        kind="drift",
        subject=column.column,
        message=f"{message}; distance {column.distance:.3f}, alarm line {column.limit:.3f}.",
        value=column.distance,
        limit=column.limit,
    )


def _change(reference: ColumnReference | None, counts: ColumnCounts) -> str:
    """What moved, in a few words."""
    if reference is None:
        return ""
    if isinstance(reference.bins, CategoryBins | DiscreteBins):
        return _changed_share(reference.bins, reference.histogram, counts.counts)
    if reference.mean is None or not counts.numbers:
        return ""
    return f" (mean {counts.mean:.4g}, was {reference.mean:.4g})"


def _changed_share(
    bins: CategoryBins | DiscreteBins, old: NDArray[np.int64], new: NDArray[np.int64]
) -> str:
    before, after = shares(old), shares(new)
    most = int(np.abs(after - before).argmax())
    names = (
        [repr(name) for name in bins.categories]
        if isinstance(bins, CategoryBins)
        else [f"{value:g}" for value in bins.values]
    )
    name = names[most] if most < len(names) else "other values"
    return f" ({name}: {after[most]:.1%} of rows, was {before[most]:.1%})"
