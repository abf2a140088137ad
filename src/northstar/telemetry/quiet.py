"""Telemetry that goes nowhere: what a process has when nothing is configured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from northstar.telemetry import trace_context
from northstar.telemetry.interface import (
    Attributes,
    Counted,
    Counter,
    Event,
    Histogram,
    Instruments,
    Measured,
    Span,
)
from northstar.telemetry.trace_context import TraceContext


class QuietTelemetry:
    """The ``Telemetry`` port without exporters. Contexts go on all the same: what is written down
    is correlated whether or not anybody collects spans.
    """

    @property
    def instruments(self) -> Instruments:
        return _NOTHING

    def begin(self, parent: TraceContext | None) -> TraceContext:
        return parent.child() if parent else trace_context.new(sampled=False)

    def record(self, span: Span) -> None:
        """Forget it."""

    def lost_spans(self) -> int:
        return 0

    def deliver(self, events: Sequence[Event]) -> None:
        """Nobody waits for them."""

    def scrape(self) -> bytes | None:
        return None

    def close(self) -> None:
        """Nothing waits."""


class _Nothing:
    def counter(self, _name: str, _unit: str, _description: str) -> Counter:
        return self

    def histogram(
        self, _name: str, _unit: str, _description: str, _boundaries: Sequence[float]
    ) -> Histogram:
        return self

    def gauge(
        self, name: str, unit: str, description: str, read: Callable[[], Iterable[Measured]]
    ) -> None:
        """Nobody looks."""

    observed_counter = gauge

    def observed_histogram(
        self,
        name: str,
        unit: str,
        description: str,
        boundaries: Sequence[float],
        read: Callable[[], Iterable[Counted]],
    ) -> None:
        """Nobody looks here either."""

    def add(self, amount: float, attributes: Attributes | None = None) -> None:
        """Nobody counts."""

    def record(self, amount: float, attributes: Attributes | None = None) -> None:
        """Nobody measures."""


_NOTHING = _Nothing()
