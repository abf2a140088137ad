"""What the rest of the platform sees of telemetry: spans, measurements and events to hand over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from northstar.telemetry.trace_context import TraceContext

Value = str | bool | int | float
Attributes = Mapping[str, Value]
SpanKind = Literal["internal", "server", "client", "producer", "consumer"]
ServiceName = Literal[
    "northstar-control-plane", "northstar-endpoint", "northstar-run", "northstar-cli"
]

SCRAPE_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of what ``Telemetry.scrape`` gives."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of work that has ended.

    Attributes:
        context: its own place; made by ``Telemetry.begin`` or kept from earlier.
        start_ns, end_ns: nanoseconds since 1970.
        parent: the span that it is part of, in the same trace.
        links: spans of other traces that led to it.
        error: what failed, in one line; empty when nothing did.
    """

    name: str
    context: TraceContext
    start_ns: int
    end_ns: int
    kind: SpanKind = "internal"
    parent: TraceContext | None = None
    attributes: Attributes = field(default_factory=dict)
    links: Sequence[TraceContext] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened once and that alert rules and dashboards ask for by name.

    Attributes:
        id: tells it from all others, so that what arrived is not sent again.
        context: the span that it belongs to.
    """

    id: str
    name: str
    at: datetime
    context: TraceContext
    attributes: Attributes = field(default_factory=dict)


class Counter(Protocol):
    """A sum that only grows."""

    def add(self, amount: float, attributes: Attributes | None = None) -> None:
        """Add ``amount``, which is not negative; doesn't block."""
        ...


class Histogram(Protocol):
    """A distribution of measured values."""

    def record(self, amount: float, attributes: Attributes | None = None) -> None:
        """Take in one value; doesn't block."""
        ...


Measured = tuple[float, Attributes]


@dataclass(frozen=True, slots=True)
class Counted:
    """Values that were counted in buckets.

    Attributes:
        counts: of each bucket; one more than there are boundaries between them.
        total: the sum of the values.
    """

    counts: Sequence[int]
    total: float
    attributes: Attributes

    def minus(self, earlier: Counted | None) -> Counted:
        """What came after ``earlier``."""
        if earlier is None:
            return self
        counts = [now - then for now, then in zip(self.counts, earlier.counts, strict=True)]
        return Counted(counts, self.total - earlier.total, self.attributes)


class Instruments(Protocol):
    """Makes instruments; names and units are those of OpenTelemetry's conventions (UCUM)."""

    def counter(self, name: str, unit: str, description: str) -> Counter:
        """A sum that only grows."""
        ...

    def histogram(
        self, name: str, unit: str, description: str, boundaries: Sequence[float]
    ) -> Histogram:
        """A distribution, counted between ``boundaries``."""
        ...

    def gauge(
        self, name: str, unit: str, description: str, read: Callable[[], Iterable[Measured]]
    ) -> None:
        """A value that is looked at when metrics are collected, in a thread of the exporter's.

        ``read`` gives the present values; what it raises is logged and costs only this gauge.
        """
        ...

    def observed_counter(
        self, name: str, unit: str, description: str, read: Callable[[], Iterable[Measured]]
    ) -> None:
        """A sum that is kept elsewhere: ``read`` gives the totals, as a gauge's does."""
        ...

    def observed_histogram(
        self,
        name: str,
        unit: str,
        description: str,
        boundaries: Sequence[float],
        read: Callable[[], Iterable[Counted]],
    ) -> None:
        """A distribution that is counted elsewhere: ``read`` gives the totals."""
        ...


class Telemetry(Protocol):
    """One process's telemetry; safe to share between threads.

    Nothing but ``deliver``, ``scrape`` and ``close`` takes time, and nothing but ``deliver`` raises
    for what an exporter can't do: what doesn't arrive is counted.
    """

    @property
    def instruments(self) -> Instruments:
        """Makes counters, histograms and gauges."""
        ...

    def begin(self, parent: TraceContext | None) -> TraceContext:
        """The context of a new span below ``parent``, or of a new trace.

        A new trace is sampled as the settings say, a child as its parent is.
        """
        ...

    def record(self, span: Span) -> None:
        """Hand over a span that has ended; it is dropped unless its context is sampled."""
        ...

    def lost_spans(self) -> int:
        """How many spans were handed over and did not arrive, or never will."""
        ...

    def deliver(self, events: Sequence[Event]) -> None:
        """Send events to everywhere that logs go to; returns when they have arrived.

        Raises ``Unavailable`` if any did not arrive; calling again with the same events sends
        those only to where they have not arrived yet.
        """
        ...

    def scrape(self) -> bytes | None:
        """All metrics in Prometheus' text format; ``None`` where that was not asked for."""
        ...

    def close(self) -> None:
        """Send what waits, for a few seconds at most, and stop."""
        ...
