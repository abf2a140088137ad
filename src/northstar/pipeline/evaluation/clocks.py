"""Features that tell the time: a model learns from them when, and that never comes again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from northstar.metrics import Floats, midranks
from northstar.pipeline.evaluation.columns import (
    Column,
    Numbers,
    Table,
    Words,
    column_rows,
    read_columns,
    some_rows,
)
from northstar.registry.domain import LeakSuspect

_AGREEMENT = 0.98
_ROW_LIMIT = 20_000
_FEWEST_ROWS = 50
_MOST_FREQUENT_SHARE = 0.95
_NAME_LIMIT = 200


def find_clocks(
    train: Table,
    test: Table,
    train_time: NDArray[Any],
    test_time: NDArray[Any],
    *,
    seed: int = 0,
) -> list[LeakSuspect]:
    """Features that tell the time of a row.

    A feature is a clock if its order is that of the rows' times (Spearman's rank correlation over
    the most that the feature's ties allow), or if the test, which lies later than the training
    data, has none of the values that the training data spans.
    """
    times = np.concatenate([_stamps(train_time), _stamps(test_time)])
    known = ~np.isnan(times)
    early, late = read_columns(train, len(train_time)), read_columns(test, len(test_time))
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(known)
    rows = rows[some_rows(len(rows), _ROW_LIMIT, rng)]
    if len(rows) < _FEWEST_ROWS:
        return []
    order = midranks(times[rows])
    later = np.nanmin(times[len(train_time) :], initial=np.inf) >= np.nanmax(
        times[: len(train_time)], initial=-np.inf
    )
    suspects = []
    for name in early:
        if name not in late:
            continue
        before, after = _comparable(early[name], late[name])
        if later and _disjoint(before, after, isinstance(early[name], Words)):
            suspects.append(
                LeakSuspect(
                    feature=name[:_NAME_LIMIT], kind="time", score=1.0, explanation=_DISJOINT
                )
            )
            continue
        agreement = _agreement(np.concatenate([before, after])[rows], order)
        if agreement >= _AGREEMENT:
            told = _CLOCK.format(agreement=agreement)
            suspects.append(
                LeakSuspect(
                    feature=name[:_NAME_LIMIT], kind="time", score=agreement, explanation=told
                )
            )
    return suspects


_DISJOINT = (
    "Its values in the test part, which is later, lie outside of all that the training part has: "
    "it is a clock, or counts like one. A model can only learn from it what was special about the "
    "past, and in production every value will be new. Leave it out, or replace it by what comes "
    "round again: hour of day, day of week, days since an event."
)
_CLOCK = (
    "Its order is that of time (agreement {agreement:.3f} of 1): it is a clock, or counts like "
    "one. What a model learns from it is when a row happened, and the time to come has values that "
    "it never saw. Leave it out, or replace it by what comes round again: hour of day, day of "
    "week, days since an event."
)


def _comparable(early: Column, late: Column) -> tuple[Floats, Floats]:
    """Both parts of a feature as numbers whose order is the feature's; words by the alphabet."""
    if isinstance(early, Words) and isinstance(late, Words):
        place = {text: float(i) for i, text in enumerate(sorted({*early.levels, *late.levels}))}
        return _places(early, place), _places(late, place)
    if isinstance(early, Words) or isinstance(late, Words):
        return np.zeros(column_rows(early)), np.zeros(column_rows(late))
    return (
        early.values if isinstance(early, Numbers) else _stamps(early.values),
        late.values if isinstance(late, Numbers) else _stamps(late.values),
    )


def _places(column: Words, place: Mapping[str, float]) -> Floats:
    places: Floats = np.array([*(place[text] for text in column.levels), np.nan])
    return places[column.codes]


def _disjoint(before: Floats, after: Floats, words: bool) -> bool:
    old, new = before[~np.isnan(before)], after[~np.isnan(after)]
    if not old.size or not new.size:
        return False
    if not words:
        return bool(old.max() < new.min() or new.max() < old.min())
    levels = np.unique(old)
    # Where every row has a word of its own, new rows have new words: a name, not a clock.
    return 10 * len(levels) <= len(old) and not np.isin(new, levels).any()


def _clock(name: str, score: float, told: str) -> LeakSuspect:
    return LeakSuspect(feature=name[:_NAME_LIMIT], kind="time", score=score, explanation=told)


def _agreement(values: Floats, order: Floats) -> float:
    known = ~np.isnan(values)
    values, order = values[known], order[known]
    if len(values) < _FEWEST_ROWS:
        return 0.0
    ranks = midranks(values)
    if np.unique(ranks, return_counts=True)[1].max() > _MOST_FREQUENT_SHARE * len(ranks):
        return 0.0
    centred = ranks - ranks.mean()
    most = float(np.sort(centred) @ np.sort(order))
    return min(1.0, abs(float(centred @ order)) / most)


def _stamps(times: NDArray[Any]) -> Floats:
    """Times as numbers, seconds for moments; missing is NaN."""
    array = np.asarray(times)
    if array.dtype.kind != "M":
        return array.astype(np.float64)
    moments = array.astype("datetime64[us]")
    seconds = moments.astype(np.int64) / 1e6
    seconds[np.isnat(moments)] = np.nan
    return np.asarray(seconds)
