"""Distributions that were counted elsewhere, among the metrics that OpenTelemetry's SDK collects.

The SDK observes sums and gauges that somebody else keeps, but no histograms. So each reader is
given them with what it collects, as totals or, where its exporter wants that, as what is new.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from northstar.telemetry.interface import Counted

log = logging.getLogger(__name__)

_Totals = dict[tuple[str, frozenset[tuple[str, object]]], Counted]


@dataclass(frozen=True)
class ObservedHistogram:
    """A distribution; ``read`` gives its totals since the process began."""

    name: str
    unit: str
    description: str
    boundaries: Sequence[float]
    read: Callable[[], Iterable[Counted]]


class ObservedHistograms:
    """The observed histograms of one process.

    Args:
        scope: OpenTelemetry's ``InstrumentationScope`` that they belong to.
    """

    def __init__(self, scope: Any) -> None:
        self._scope = scope
        self._histograms: list[ObservedHistogram] = []

    def add(self, histogram: ObservedHistogram) -> None:
        """Have one more collected."""
        self._histograms.append(histogram)

    def join(self, reader: Any, *, delta: bool) -> None:
        """Have a ``MetricReader`` collect them too.

        Args:
            delta: whether its exporter wants what is new since the last time, not totals.
        """
        # What the SDK's documentation tells readers to override.
        receive = reader._receive_metrics  # noqa: SLF001 - see above
        known: _Totals = {}
        since_ns = time.time_ns()

        def received(data: Any, *positional: Any, **named: Any) -> None:
            nonlocal since_ns, known
            now_ns = time.time_ns()
            totals = self._read()
            made = [
                self._metric(one, totals, known, (since_ns, now_ns), delta)
                for one in self._histograms
            ]
            if delta:
                since_ns, known = now_ns, totals
            receive(_with(data, self._scope, made) if totals else data, *positional, **named)

        reader._receive_metrics = received  # noqa: SLF001 - see above

    def _read(self) -> _Totals:
        totals: _Totals = {}
        for histogram in self._histograms:
            try:
                for one in histogram.read():
                    totals[histogram.name, frozenset(one.attributes.items())] = one
            except Exception:  # as of every other instrument: it costs only itself
                log.exception("%s could not be read", histogram.name)
        return totals

    def _metric(
        self,
        histogram: ObservedHistogram,
        totals: _Totals,
        known: _Totals,
        interval_ns: tuple[int, int],
        delta: bool,
    ) -> Any:
        from opentelemetry.sdk.metrics.export import AggregationTemporality, Histogram, Metric

        points = [
            _point(histogram.boundaries, total.minus(known.get(key)), interval_ns)
            for key, total in totals.items()
            if key[0] == histogram.name
        ]
        kind = AggregationTemporality.DELTA if delta else AggregationTemporality.CUMULATIVE
        return Metric(
            histogram.name, histogram.description, histogram.unit, Histogram(points, kind)
        )


def _point(boundaries: Sequence[float], counted: Counted, interval_ns: tuple[int, int]) -> Any:
    from opentelemetry.sdk.metrics.export import HistogramDataPoint

    filled = [place for place, count in enumerate(counted.counts) if count]
    edges = [0.0, *boundaries, boundaries[-1]]
    return HistogramDataPoint(
        attributes=dict(counted.attributes),
        start_time_unix_nano=interval_ns[0],
        time_unix_nano=interval_ns[1],
        count=sum(counted.counts),
        sum=counted.total,
        bucket_counts=list(counted.counts),
        explicit_bounds=list(boundaries),
        min=edges[filled[0]] if filled else 0.0,  # as near as the buckets tell
        max=edges[filled[-1] + 1] if filled else 0.0,
    )


def _with(data: Any, scope: Any, metrics: list[Any]) -> Any:
    """``data`` with these metrics among those of ``scope``; encoders take each scope once."""
    from opentelemetry.sdk.metrics.export import ScopeMetrics

    first, *others = data.resource_metrics
    own = next((one for one in first.scope_metrics if one.scope == scope), None)
    rest = [one for one in first.scope_metrics if one is not own]
    joined = ScopeMetrics(scope, [*own.metrics, *metrics] if own else metrics, "")
    return replace(data, resource_metrics=[replace(first, scope_metrics=[*rest, joined]), *others])
