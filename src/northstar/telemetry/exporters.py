"""The exporters that the settings ask for, from OpenTelemetry's and Azure's own packages."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from northstar.errors import Invalid
from northstar.telemetry.azure_identity import azure_credential
from northstar.telemetry.settings import SIGNALS, Signal, TelemetrySettings

ExporterName = Literal["otlp", "azure-monitor"]
AZURE: ExporterName = "azure-monitor"
OTLP: ExporterName = "otlp"

# Azure's exporter would tell Microsoft of itself, past the address that was given, and be told by
# it what to do; its description of the resource would be paid for with every batch.
_QUIET = (
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED",
)
_RETRIES = 1  # a batch that doesn't arrive is lost and counted; the queue must not wait for long
_CONNECT_SECONDS = 5.0
_READ_SECONDS = 10.0

_ITEMS = {"traces": "spans", "metrics": "batches of metrics", "logs": "log records"}


class Losses:
    """How many items did not arrive, by signal and exporter; safe between threads."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[Signal, ExporterName]] = Counter()
        self._lock = threading.Lock()

    def add(self, signal: Signal, exporter: ExporterName, items: int) -> None:
        """Count items that an exporter could not deliver."""
        with self._lock:
            self._counts[signal, exporter] += items

    def of(self, signal: Signal) -> int:
        """The total of one signal."""
        return sum(count for (of, _), count in self.counts().items() if of == signal)

    def counts(self) -> dict[tuple[Signal, ExporterName], int]:
        """The totals since the process began."""
        with self._lock:
            return dict(self._counts)

    def told(self) -> str:
        """The totals for people; empty where nothing was lost."""
        return ", ".join(
            f"{_ITEMS[signal]} for {exporter}: {count}"
            for (signal, exporter), count in sorted(self.counts().items())
            if count
        )


@dataclass
class Exporters:
    """One exporter a signal and destination, of the types that OpenTelemetry's SDK takes.

    Attributes:
        events: how log records are sent that somebody keeps until they have arrived: what fails is
            sent again, so it is no loss.
    """

    traces: dict[ExporterName, Any] = field(default_factory=dict)
    metrics: dict[ExporterName, Any] = field(default_factory=dict)
    logs: dict[ExporterName, Any] = field(default_factory=dict)
    events: dict[ExporterName, Callable[[Sequence[Any]], Any]] = field(default_factory=dict)
    losses: Losses = field(default_factory=Losses)

    def of(self, signal: Signal) -> dict[ExporterName, Any]:
        """A signal's exporters by name."""
        return {"traces": self.traces, "metrics": self.metrics, "logs": self.logs}[signal]


def make_exporters(
    settings: TelemetrySettings,
    otlp_options: Mapping[str, Any] | None = None,
    azure_options: Mapping[str, Any] | None = None,
) -> Exporters:
    """An exporter for each signal and destination; what fails to arrive is counted.

    Raises ``Invalid`` for a connection string that is none, and where a package is missing.

    Args:
        otlp_options: more options of OTLP's exporters, such as a session with a hook.
        azure_options: more options of Azure's client, such as a hook for responses.
    """
    made = Exporters()

    def add(signal: Signal, name: ExporterName, exporter: Any) -> None:
        if signal == "logs":
            made.events[name] = exporter.export
        made.of(signal)[name] = _counted(exporter, signal, name, made.losses)

    for signal in SIGNALS:
        if signal in settings.otlp:
            add(signal, OTLP, _otlp(signal, otlp_options or {}))
        if settings.azure_monitor:
            credential = _credential(settings)
            exporter = _azure(signal, settings.azure_monitor, credential, azure_options or {})
            add(signal, AZURE, exporter)
    return made


def azure_log_exporter(connection_string: str, credential: Any = None) -> Any:
    """An exporter of log records for whoever keeps them until they have arrived.

    Raises ``Invalid`` for a connection string that is none, and without the extra ``azure``.

    Args:
        credential: an ``azure-identity`` credential, where the resource takes no key alone.
    """
    return _azure("logs", connection_string, credential, {})


def _otlp(signal: Signal, options: Mapping[str, Any]) -> Any:
    try:
        if signal == "traces":
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            return OTLPSpanExporter(**options)
        if signal == "metrics":
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

            return OTLPMetricExporter(**options)
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

        return OTLPLogExporter(**options)
    except ImportError as error:
        raise _missing("telemetry") from error


def _azure(
    signal: Signal, connection_string: str, credential: Any, options: Mapping[str, Any]
) -> Any:
    for name in _QUIET:
        os.environ.setdefault(name, "true")
    try:
        from azure.monitor.opentelemetry.exporter import (
            AzureMonitorLogExporter,
            AzureMonitorMetricExporter,
            AzureMonitorTraceExporter,
        )
    except ImportError as error:
        raise _missing("azure") from error
    exporter: Callable[..., Any] = {
        "traces": AzureMonitorTraceExporter,
        "metrics": AzureMonitorMetricExporter,
        "logs": AzureMonitorLogExporter,
    }[signal]
    try:
        return exporter(
            **{
                "connection_string": connection_string,
                "credential": credential,
                # What people did must not lie about in temporary files; and what is sent later
                # would be reported as a failure now.
                "disable_offline_storage": True,
                "retry_total": _RETRIES,
                "timeout": _CONNECT_SECONDS,
                "read_timeout": _READ_SECONDS,
                **options,
            }
        )
    except ValueError as error:
        raise Invalid(
            f"APPLICATIONINSIGHTS_CONNECTION_STRING can't be used: {error}",
            hint="Copy it whole from the Application Insights resource's overview.",
        ) from error


def _credential(settings: TelemetrySettings) -> Any:
    return azure_credential(settings.azure_client_id) if settings.azure_identity else None


def _counted(exporter: Any, signal: Signal, name: ExporterName, losses: Losses) -> Any:
    """The exporter, telling ``losses`` of every batch that it could not deliver."""
    export = exporter.export

    def counting(batch: Any, **options: Any) -> Any:
        arrived = False
        try:
            result = export(batch, **options)
            arrived = result.name == "SUCCESS"
            return result
        finally:
            if not arrived:
                losses.add(signal, name, 1 if signal == "metrics" else len(batch))

    exporter.export = counting
    return exporter


def _missing(extra: str) -> Invalid:
    return Invalid(
        "Telemetry is configured, but its packages are not installed.",
        hint=f"Install them: pip install 'northstar-mlops[{extra}]'.",
    )
