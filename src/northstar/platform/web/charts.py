"""Series become the JSON that ``static/charts.js`` draws; nothing here knows colours or pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from northstar.registry.domain import Evidence, Metric, Task

SeriesRole = Literal["metric", "reference", "feature"]
LevelRole = Literal["reference", "threshold"]
MarkRole = Literal["version", "alert"]


@dataclass(frozen=True)
class Point:
    """A value at a moment of event time, with its interval; ``None`` leaves a gap in the line."""

    at: datetime
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Series:
    """One line; ``role`` decides how it is drawn."""

    name: str
    role: SeriesRole
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Level:
    """A horizontal line that the series are read against."""

    name: str
    role: LevelRole
    value: float


@dataclass(frozen=True)
class Mark:
    """A moment worth knowing: another version began to serve, or an alert was raised."""

    at: datetime
    role: MarkRole
    text: str


@dataclass(frozen=True)
class Chart:
    """Lines over event time, with the levels and the moments they are read against.

    ``logarithmic`` is for ratios, which differ by orders of magnitude; what is not positive is
    then left out of the lines.
    """

    title: str
    explanation: str
    unit: str
    series: tuple[Series, ...]
    levels: tuple[Level, ...] = ()
    marks: tuple[Mark, ...] = ()
    logarithmic: bool = False

    def rows(self) -> list[tuple[datetime, list[Point]]]:
        """The chart as a table: for each moment one point of each series; all share moments."""
        columns = [series.points for series in self.series]
        return [(points[0].at, list(points)) for points in zip(*columns, strict=True)]

    def data(self) -> dict[str, Any]:
        """The chart as JSON: columns instead of points, moments in ISO 8601."""
        return {
            "unit": self.unit,
            "logarithmic": self.logarithmic,
            "series": [
                {
                    "name": series.name,
                    "role": series.role,
                    "x": [_iso(point.at) for point in series.points],
                    "y": [self._drawn(point.value) for point in series.points],
                    "low": [_number(point.low) for point in series.points],
                    "high": [_number(point.high) for point in series.points],
                    "note": [point.note for point in series.points],
                }
                for series in self.series
            ],
            "levels": [asdict(level) for level in self.levels if math.isfinite(level.value)],
            "marks": [
                {"x": _iso(mark.at), "role": mark.role, "text": mark.text} for mark in self.marks
            ],
        }

    def _drawn(self, value: float | None) -> float | None:
        found = _number(value)
        return None if found is not None and self.logarithmic and found <= 0 else found


@dataclass(frozen=True)
class Bar:
    """An interval and its middle on a scale of 0 to 100."""

    low: float
    value: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """One metric of a version and of its baseline, with both drawn on one scale."""

    metric: str
    candidate: Metric
    baseline: Metric | None
    candidate_bar: Bar
    baseline_bar: Bar | None


@dataclass(frozen=True)
class ForestRow:
    """One effect of the baseline, as text with its interval and as a bar.

    ``clear`` says whether the interval stays off 0.
    """

    name: str
    of_class: str
    effect: str
    interval: str
    bar: Bar
    clear: bool


@dataclass(frozen=True)
class Forest:
    """The baseline's effects, the largest first, all on one scale.

    Attributes:
        explanation: what one effect means.
        zero: where no effect stands on the scale of 0 to 100.
        ticks: places on that scale and their texts; zero is one of them.
        left_out: how many smaller effects are not shown.
    """

    explanation: str
    rows: tuple[ForestRow, ...]
    zero: float
    ticks: tuple[tuple[float, str], ...]
    left_out: int


@dataclass(frozen=True)
class Cell:
    """One feature in one window; ``level`` is ``calm``, ``noted``, ``found`` or ``none``."""

    value: float | None
    level: str


@dataclass(frozen=True)
class Matrix:
    """Every feature in every window; ``columns`` are the windows' first moments."""

    columns: tuple[datetime, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def compare(evidence: Evidence) -> tuple[Comparison, ...]:
    """The metrics of a version beside those of its baseline, the primary metric first."""
    names = sorted(evidence.metrics, key=lambda name: (name != evidence.primary_metric, name))
    return tuple(
        _comparison(name, evidence.metrics[name], evidence.baseline.get(name)) for name in names
    )


def forest(evidence: Evidence, classes: Sequence[str] | None) -> Forest | None:
    """What the baseline learnt of its inputs; ``None`` where that is not on record."""
    learnt = evidence.baseline_coefficients
    if not learnt:
        return None
    names = list(classes or ())
    ends = [each for one in learnt for each in (_low(one.effect), _high(one.effect))]
    low, high = min(0.0, *ends), max(0.0, *ends)
    width = (high - low) or 1.0

    decimals = max(0, 2 - math.floor(math.log10(max(map(abs, ends), default=0.0) or 1.0)))

    def place(value: float) -> float:
        return round(4 + 92 * (value - low) / width, 2)

    rows = tuple(
        ForestRow(
            name=one.input,
            of_class="" if one.of_class is None else _class_name(one.of_class, names),
            effect=_signed(one.effect.value, decimals),
            interval=_interval_text(one.effect, decimals),
            bar=Bar(*(place(v) for v in (_low(one.effect), one.effect.value, _high(one.effect)))),
            clear=one.effect.low is not None and not _low(one.effect) <= 0 <= _high(one.effect),
        )
        for one in learnt
    )
    step = _round_step(width / 5)
    tick_decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    marks = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return Forest(
        explanation=_EFFECTS[evidence.task].format(positive=_class_name(1, names)),
        rows=rows,
        zero=place(0.0),
        ticks=tuple((place(mark * step), _signed(mark * step, tick_decimals)) for mark in marks),
        left_out=evidence.baseline_coefficients_left_out,
    )


_EFFECTS: dict[Task, str] = {
    "regression": "How far one standard deviation more of a column, or a level instead of the "
    "column's average row, moves the prediction, in the target's unit.",
    "binary": "How far one standard deviation more of a column, or a level instead of the "
    "column's average row, moves the log odds of {positive}; +0.7 doubles the odds.",
    "multiclass": "How far one standard deviation more of a column, or a level instead of the "
    "column's average row, moves the log odds of a class against the average class.",
}


def _class_name(place: int, names: Sequence[str]) -> str:
    return names[place] if place < len(names) else f"class {place}"


def _interval_text(effect: Metric, decimals: int) -> str:
    if effect.low is None or effect.high is None:
        return ""
    return f"{_signed(effect.low, decimals)} to {_signed(effect.high, decimals)}"


def _signed(value: float, decimals: int) -> str:
    if not value:
        return "0"
    return f"{value:+,.{decimals}f}".replace("-", "−")


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(times * power for times in (1, 2, 5, 10) if times * power >= rough * (1 - 1e-9))


def matrix(
    columns: Sequence[datetime], scores: Mapping[str, Sequence[float | None]], threshold: float
) -> Matrix:
    """Scores of features by window; the feature that ever moved most comes first."""

    def worst(name: str) -> float:
        return max((value for value in scores[name] if value is not None), default=0.0)

    rows = tuple(
        (name, tuple(_cell(value, threshold) for value in scores[name]))
        for name in sorted(scores, key=lambda name: (-worst(name), name))
    )
    return Matrix(tuple(columns), rows)


def _comparison(name: str, candidate: Metric, baseline: Metric | None) -> Comparison:
    metrics = [metric for metric in (candidate, baseline) if metric]
    low = min(_low(metric) for metric in metrics)
    high = max(_high(metric) for metric in metrics)
    width = (high - low) or 1.0

    def bar(metric: Metric) -> Bar:
        place = [
            round(4 + 92 * (value - low) / width, 2)
            for value in (_low(metric), metric.value, _high(metric))
        ]
        return Bar(*place)

    return Comparison(
        name, candidate, baseline, bar(candidate), bar(baseline) if baseline else None
    )


def _low(metric: Metric) -> float:
    return metric.value if metric.low is None else metric.low


def _high(metric: Metric) -> float:
    return metric.value if metric.high is None else metric.high


def _cell(value: float | None, threshold: float) -> Cell:
    if value is None or not math.isfinite(value):
        return Cell(None, "none")
    if value >= threshold:
        return Cell(value, "found")
    return Cell(value, "noted" if value >= threshold / 2 else "calm")


def _iso(moment: datetime) -> str:
    """A moment in UTC to the minute, as the charts' library takes it."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="minutes")


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
