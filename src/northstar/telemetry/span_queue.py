"""The spans that wait for one exporter: a bounded number, and the rest is counted as lost."""

from __future__ import annotations

import os
import threading
from typing import Any

from northstar.telemetry.exporters import ExporterName, Losses

_LIMIT = "OTEL_BSP_MAX_QUEUE_SIZE"
_USUAL_LIMIT = 2048


class SpanQueue:
    """OpenTelemetry's batch processor, which is never given more than it can hold.

    By itself it drops without saying how much; here a collector that is away shows as a number.
    """

    def __init__(
        self, name: ExporterName, exporter: Any, losses: Losses, meter_provider: Any
    ) -> None:
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        self._name = name
        self._losses = losses
        self._limit = _limit()
        self._waiting = 0
        self._lock = threading.Lock()
        export = exporter.export

        def exporting(batch: Any) -> Any:
            try:
                return export(batch)
            finally:
                with self._lock:
                    self._waiting -= len(batch)

        exporter.export = exporting
        self._processor: Any = BatchSpanProcessor(
            exporter, max_queue_size=self._limit, meter_provider=meter_provider
        )

    def put(self, span: Any) -> None:
        """Have a span sent, if there is room for it."""
        with self._lock:
            room = self._waiting < self._limit
            self._waiting += room
        if room:
            self._processor.on_end(span)
        else:
            self._losses.add("traces", self._name, 1)

    def shutdown(self) -> None:
        """Send what waits and stop."""
        self._processor.shutdown()


def _limit() -> int:
    try:
        return int(os.environ.get(_LIMIT, ""))
    except ValueError:
        return _USUAL_LIMIT
