"""Telemetry that goes somewhere, on OpenTelemetry's SDK.

Providers are this object's own, never the process's global ones: two platforms in one process, and
what a squad's code sets up for itself, don't meet. Spans are handed to the SDK's processors when
they have ended; where they belong is known before (``trace_context``), so that what is written down
first and told later, such as a release, has its place in the trace.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from northstar import __version__
from northstar.errors import Unavailable
from northstar.telemetry import trace_context
from northstar.telemetry.export_queue import ExportQueue
from northstar.telemetry.exporters import ExporterName, Exporters, Losses, make_exporters
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
from northstar.telemetry.log_records import LogBridge
from northstar.telemetry.observed import ObservedHistogram, ObservedHistograms
from northstar.telemetry.records import SCOPE, RecordMaker
from northstar.telemetry.sampling import read_sampler
from northstar.telemetry.settings import TelemetrySettings
from northstar.telemetry.trace_context import TraceContext

log = logging.getLogger(__name__)

_SECONDS_TO_CLOSE = 5.0


class SdkTelemetry:
    """The ``Telemetry`` port on the SDK; threads of the SDK's send what waits.

    Args:
        attributes: describe the process: ``service.name`` and what else is known of it. The
            variables of OpenTelemetry beat them.
        exporters: others than those that the settings ask for.

    Raises ``ValueError`` for a variable of OpenTelemetry that can't be used; then nothing runs.
    """

    def __init__(
        self,
        settings: TelemetrySettings,
        attributes: Attributes,
        exporters: Exporters | None = None,
    ) -> None:
        self._sampler = read_sampler(os.environ)
        tells_rate = settings.azure_monitor and 0.0 < self._sampler.ratio < 1.0
        self._records = RecordMaker(attributes, 100 * self._sampler.ratio if tells_rate else None)
        self._exporters = exporters or make_exporters(settings)
        self._registry: Any = None
        self._histograms = ObservedHistograms(self._records.scope)
        self._readers: dict[ExporterName, Any] = {}
        self._span_queues: list[ExportQueue] = []
        self._log_queues: list[ExportQueue] = []
        self._bridge = LogBridge(self._logged)
        try:
            self._meter_provider = self._metrics(settings.prometheus)
            self._add_queues()
        except ValueError:  # a variable's, when threads of what came before it already run
            self.close()
            raise
        if self._log_queues:
            logging.getLogger().addHandler(self._bridge)
        self._delivered: dict[str, set[str]] = {name: set() for name in self._exporters.events}
        meter = self._meter_provider.get_meter(SCOPE, __version__)
        self._instruments = _SdkInstruments(meter, self._histograms)
        self._instruments.observed_counter(
            "northstar.telemetry.lost",
            "{item}",
            "Spans, log records and batches of metrics that an exporter could not deliver.",
            self._losses,
        )

    @property
    def instruments(self) -> Instruments:
        return self._instruments

    def begin(self, parent: TraceContext | None) -> TraceContext:
        if parent and self._sampler.follows:
            return parent.child()
        own = parent.child() if parent else trace_context.new(sampled=False)
        return TraceContext(own.trace_id, own.span_id, self._sampler.chooses(own.trace_id))

    def record(self, span: Span) -> None:
        if span.context.sampled and self._span_queues:
            ended = self._records.span(span)
            for queue in self._span_queues:
                queue.put(ended)

    def lost_spans(self) -> int:
        return self._exporters.losses.of("traces")

    def deliver(self, events: Sequence[Event]) -> None:
        refused = []
        for name, send in self._exporters.events.items():
            done = self._delivered[name]
            rest = [event for event in events if event.id not in done]
            if not rest:
                continue
            records = [self._records.event(event) for event in rest]
            if send(records).name == "SUCCESS":
                done.update(event.id for event in rest)
            else:
                refused.append(name)
        if refused:
            raise Unavailable(
                f"{len(events)} events could not be delivered by {', '.join(refused)}.",
                hint="`northstar telemetry check` says why; they are sent again.",
            )
        for done in self._delivered.values():
            done.clear()

    def scrape(self) -> bytes | None:
        if self._registry is None:
            return None
        from prometheus_client import generate_latest

        return generate_latest(self._registry)

    def close(self) -> None:
        logging.getLogger().removeHandler(self._bridge)
        before = self._exporters.losses.counts()
        queues = {(q.signal, q.name): q for q in (*self._span_queues, *self._log_queues)}
        # Each has a thread of its own: one that hangs takes no time from another.
        endings = {of: _in_thread(queue.close) for of, queue in queues.items()}
        for name, reader in self._readers.items():
            endings["metrics", name] = _in_thread(reader.shutdown)
        deadline = time.monotonic() + _SECONDS_TO_CLOSE
        for thread in endings.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        lost = Losses()
        for of, thread in endings.items():
            waiting = queues[of].abandon() if of in queues else int(thread.is_alive())
            lost.add(*of, self._exporters.losses.counts().get(of, 0) - before.get(of, 0) + waiting)
        if told := lost.told():
            log.warning("telemetry that did not arrive at the end is lost: %s", told)

    def _add_queues(self) -> None:
        losses = self._exporters.losses
        for name, exporter in self._exporters.traces.items():
            self._span_queues.append(ExportQueue("traces", name, exporter, losses))
        for name, exporter in self._exporters.logs.items():
            self._log_queues.append(ExportQueue("logs", name, exporter, losses))

    def _metrics(self, prometheus: bool) -> Any:
        from opentelemetry.sdk.metrics import Histogram, MeterProvider
        from opentelemetry.sdk.metrics.export import (
            AggregationTemporality,
            PeriodicExportingMetricReader,
        )

        for name, exporter in self._exporters.metrics.items():
            reader = PeriodicExportingMetricReader(exporter)
            wanted = exporter._preferred_temporality.get(Histogram)  # noqa: SLF001 - as readers do
            self._histograms.join(reader, delta=wanted is AggregationTemporality.DELTA)
            self._readers[name] = reader
        readers = list(self._readers.values())
        if prometheus:
            from opentelemetry.exporter.prometheus import PrometheusMetricReader
            from prometheus_client import CollectorRegistry

            self._registry = CollectorRegistry()
            scraped = PrometheusMetricReader(scope_info_enabled=False, registry=self._registry)
            self._histograms.join(scraped, delta=False)
            readers.append(scraped)
        return MeterProvider(readers, self._records.resource, shutdown_on_exit=False)

    def _logged(self, logger: str, fields: dict[str, Any]) -> None:
        record = self._records.log(logger, fields)
        for queue in self._log_queues:
            queue.put(record)

    def _losses(self) -> Iterable[Measured]:
        for (signal, exporter), count in self._exporters.losses.counts().items():
            yield count, {"northstar.signal": signal, "northstar.exporter": exporter}


class _SdkInstruments:
    """The ``Instruments`` port on one meter."""

    def __init__(self, meter: Any, histograms: ObservedHistograms) -> None:
        self._meter = meter
        self._histograms = histograms

    def counter(self, name: str, unit: str, description: str) -> Counter:
        counter: Counter = self._meter.create_counter(name, unit, description)
        return counter

    def histogram(
        self, name: str, unit: str, description: str, boundaries: Sequence[float]
    ) -> Histogram:
        histogram: Histogram = self._meter.create_histogram(
            name, unit, description, explicit_bucket_boundaries_advisory=list(boundaries)
        )
        return histogram

    def gauge(
        self, name: str, unit: str, description: str, read: Callable[[], Iterable[Measured]]
    ) -> None:
        self._meter.create_observable_gauge(name, [_observed(read)], unit, description)

    def observed_counter(
        self, name: str, unit: str, description: str, read: Callable[[], Iterable[Measured]]
    ) -> None:
        self._meter.create_observable_counter(name, [_observed(read)], unit, description)

    def observed_histogram(
        self,
        name: str,
        unit: str,
        description: str,
        boundaries: Sequence[float],
        read: Callable[[], Iterable[Counted]],
    ) -> None:
        self._histograms.add(ObservedHistogram(name, unit, description, boundaries, read))


def _observed(read: Callable[[], Iterable[Measured]]) -> Callable[[Any], list[Any]]:
    from opentelemetry.metrics import Observation

    def observe(_options: Any) -> list[Any]:
        return [Observation(value, dict(attributes)) for value, attributes in read()]

    return observe


def _in_thread(end: Callable[[], object]) -> threading.Thread:
    def ended() -> None:
        try:
            end()
        except Exception:
            log.debug("an exporter did not end well", exc_info=True)

    thread = threading.Thread(target=ended, daemon=True)
    thread.start()
    return thread
