"""Telemetry that remembers what it was handed, for tests."""

from __future__ import annotations

from collections.abc import Sequence

from northstar.errors import Unavailable
from northstar.telemetry import trace_context
from northstar.telemetry.interface import Event, Span
from northstar.telemetry.quiet import QuietTelemetry
from northstar.telemetry.trace_context import TraceContext


class RecordingTelemetry(QuietTelemetry):
    """Samples everything; takes no events while ``away`` is set."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.events: list[Event] = []
        self.away = False

    def begin(self, parent: TraceContext | None) -> TraceContext:
        """As with the sampler ``parentbased_always_on``."""
        return parent.child() if parent else trace_context.new(sampled=True)

    def record(self, span: Span) -> None:
        """Keep what is sampled."""
        if span.context.sampled:
            self.spans.append(span)

    def deliver(self, events: Sequence[Event]) -> None:
        """Keep them, or raise ``Unavailable``."""
        if self.away:
            raise Unavailable("The collector is away.")
        self.events += events
