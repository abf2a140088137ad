"""What waits for one exporter: a bounded number of spans or log records; the rest is counted."""

from __future__ import annotations

import os
import threading
from typing import Any, Literal

from northstar.telemetry.exporters import ExporterName, Losses
from northstar.telemetry.settings import Signal

_VARIABLES = {"traces": "OTEL_BSP_", "logs": "OTEL_BLRP_"}
_USUAL_LIMIT, _USUAL_BATCH = 2048, 512


class ExportQueue:
    """OpenTelemetry's batch processor, which is never given more than it can hold.

    By itself it drops without saying how much; here a collector that is away shows as a number.

    Args:
        exporter: of that signal; others may use it, too.
        losses: told of what finds no room.
    """

    def __init__(
        self,
        signal: Literal["traces", "logs"],
        name: ExporterName,
        exporter: Any,
        losses: Losses,
    ) -> None:
        self.signal: Signal = signal
        self.name = name
        self._losses = losses
        self._limit = _number(f"{_VARIABLES[signal]}MAX_QUEUE_SIZE", _USUAL_LIMIT)
        self._drain = _Drain(exporter)
        batch = _number(f"{_VARIABLES[signal]}MAX_EXPORT_BATCH_SIZE", _USUAL_BATCH)
        options = {"max_queue_size": self._limit, "max_export_batch_size": min(batch, self._limit)}
        if signal == "traces":
            from opentelemetry.sdk.trace.export import BatchSpanProcessor

            self._processor: Any = BatchSpanProcessor(self._drain, **options)  # type: ignore[arg-type]  # has what it calls
            self._take = self._processor.on_end
        else:
            from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

            self._processor = BatchLogRecordProcessor(self._drain, **options)  # type: ignore[arg-type]  # has what it calls
            self._take = self._processor.on_emit

    def put(self, item: Any) -> None:
        """Have a ``ReadableSpan`` or ``ReadableLogRecord`` sent, if there is room for it."""
        if self._drain.admit(self._limit):
            self._take(item)
        else:
            self._losses.add(self.signal, self.name, 1)

    def close(self) -> None:
        """Send what waits and stop; takes as long as the exporter does."""
        self._processor.shutdown()

    def abandon(self) -> int:
        """Send nothing more from now on; returns how much waited."""
        return self._drain.abandon()


class _Drain:
    """The exporter as its processor sees it, counting what has been taken and not been sent."""

    def __init__(self, exporter: Any) -> None:
        self._exporter = exporter
        self._waiting = 0
        self._open = True
        self._lock = threading.Lock()

    def admit(self, limit: int) -> bool:
        with self._lock:
            room = self._open and self._waiting < limit
            self._waiting += room
            return room

    def abandon(self) -> int:
        with self._lock:
            self._open = False
            return self._waiting

    def export(self, batch: Any) -> None:
        """What comes of it, the exporter's own losses say."""
        try:
            if self._open:
                self._exporter.export(batch)
        finally:
            with self._lock:
                self._waiting -= len(batch)

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _number(variable: str, usual: int) -> int:
    try:
        return int(os.environ.get(variable, ""))
    except ValueError:
        return usual
