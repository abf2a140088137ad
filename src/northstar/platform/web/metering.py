"""The monitor's windows as charts: performance and drift over event time, features in a grid."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from northstar.monitoring.domain import Alert, ColumnDrift, EndpointMonitoring, Window
from northstar.platform.web.charts import Chart, Level, Mark, Matrix, Point, Series, matrix
from northstar.platform.web.views import Metering

_WINDOWS_IN_CHART = 104
_WINDOWS_IN_GRID = 40
_FEATURES_IN_GRID = 20
_FEATURES_IN_CHART = 3
_PREDICTION = "prediction"


def metering(
    status: EndpointMonitoring, windows: Sequence[Window], alerts: Sequence[Alert]
) -> Metering:
    """What the monitor knows of an endpoint.

    Where two versions shared a window (a canary), the chart shows the one that answered more.
    """
    seen = _leading(windows)[-_WINDOWS_IN_CHART:]
    return Metering(
        performance=_performance(seen, windows, alerts),
        drift=_drift(seen, windows, alerts),
        features=_features(seen[-_WINDOWS_IN_GRID:]),
        watermark=status.watermark,
        predictions=status.predictions,
        labels=status.labels,
        corrupt_segments=status.corrupt_segments,
    )


def _leading(windows: Sequence[Window]) -> list[Window]:
    """One window for each moment: that of the version with the most rows."""
    by_start: dict[datetime, Window] = {}
    for window in windows:
        known = by_start.get(window.start)
        if known is None or window.rows > known.rows:
            by_start[window.start] = window
    return [by_start[start] for start in sorted(by_start)]


def _performance(
    seen: Sequence[Window], windows: Sequence[Window], alerts: Sequence[Alert]
) -> Chart | None:
    measured = [window.performance for window in seen if window.performance]
    if not measured:
        return None
    metric = measured[-1].metric
    realised, expected = [], []
    for window in seen:
        at, found = _middle(window), window.performance
        if found is None or found.metric != metric:
            realised.append(Point(at, None))
            expected.append(Point(at, None))
            continue
        note = f"v{window.version}, {found.labels:,} labels"
        realised.append(Point(at, found.value, found.low, found.high, note))
        expected.append(Point(at, found.expected))
    return Chart(
        title=f"{metric} over event time",
        explanation="Calculated from labels, with 95 % intervals. Dashed: what the version that "
        "served then showed when it was evaluated.",
        unit=metric,
        series=(
            Series(metric, "metric", tuple(realised)),
            Series("when evaluated", "reference", tuple(expected)),
        ),
        marks=(*_versions(seen), *_alerts(alerts, windows)),
    )


def _drift(
    seen: Sequence[Window], windows: Sequence[Window], alerts: Sequence[Alert]
) -> Chart | None:
    scores = _scores(seen)
    if not scores:
        return None
    order = sorted(scores, key=lambda name: (-_worst(scores[name]), name))
    shown = [name for name in order if name != _PREDICTION][:_FEATURES_IN_CHART]
    if _PREDICTION in scores:
        shown.insert(0, _PREDICTION)
    return Chart(
        title="Drift over event time",
        explanation="Distance from the version’s reference, in units of each column’s own alarm "
        "line: the predictions, and the features that moved most.",
        unit="times the alarm line",
        series=tuple(
            Series(
                name,
                "feature",
                tuple(
                    Point(_middle(window), value)
                    for window, value in zip(seen, scores[name], strict=True)
                ),
            )
            for name in shown
        ),
        levels=(Level("alarm line", "threshold", 1.0),),
        logarithmic=True,
        marks=(
            *_versions(seen),
            *_alerts([alert for alert in alerts if alert.kind != "performance"], windows),
        ),
    )


def _features(seen: Sequence[Window]) -> Matrix | None:
    scores = _scores(seen)
    if not scores:
        return None
    order = sorted(scores, key=lambda name: (-_worst(scores[name]), name))[:_FEATURES_IN_GRID]
    newest_first = {name: scores[name][::-1] for name in order}
    return matrix([window.start for window in reversed(seen)], newest_first, 1.0)


def _scores(seen: Sequence[Window]) -> dict[str, list[float | None]]:
    """Every column's score in every window, in the order of the windows."""
    scores: dict[str, list[float | None]] = {}
    for place, window in enumerate(seen):
        for name, drift in _columns(window):
            scores.setdefault(name, [None] * len(seen))[place] = drift.score
    return scores


def _columns(window: Window) -> list[tuple[str, ColumnDrift]]:
    if window.drift is None:
        return []
    columns = [(column.column, column) for column in window.drift.columns]
    if window.drift.prediction:
        columns.append((_PREDICTION, window.drift.prediction))
    return columns


def _versions(seen: Sequence[Window]) -> list[Mark]:
    marks: list[Mark] = []
    for before, window in zip([None, *seen], seen, strict=False):
        if before is None or before.version != window.version:
            marks.append(Mark(window.start, "version", f"v{window.version}"))
    return marks


def _alerts(alerts: Sequence[Alert], windows: Sequence[Window]) -> list[Mark]:
    """An alert stands at the end of the first window that raised it."""
    ends = {window.start: window.end for window in windows}
    return [
        Mark(ends.get(alert.window_start, alert.window_start), "alert", alert.title)
        for alert in alerts
        if alert.window_start
    ]


def _middle(window: Window) -> datetime:
    return window.start + (window.end - window.start) / 2


def _worst(scores: Sequence[float | None]) -> float:
    return max((score for score in scores if score is not None), default=0.0)
