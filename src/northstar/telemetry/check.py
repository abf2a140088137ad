"""Sends one of each signal to everywhere that is configured, and says exactly what came of it."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

from northstar.telemetry import trace_context
from northstar.telemetry.advice import advice
from northstar.telemetry.exporters import AZURE, OTLP, ExporterName, Exporters, make_exporters
from northstar.telemetry.interface import Attributes, Event, Span
from northstar.telemetry.log_records import of_trace
from northstar.telemetry.records import RecordMaker
from northstar.telemetry.sdk import SdkTelemetry
from northstar.telemetry.settings import TelemetrySettings
from northstar.telemetry.start import explained
from northstar.telemetry.trace_context import TraceContext

CheckedSignal = Literal["traces", "metrics", "logs", "events"]
EVENT = "northstar.telemetry.check"
_PATIENCE_SECONDS = 2.0  # OTLP's exporters try again until then
_GIVEN_UP = "retries or shutdown"  # what they log at last, whatever was wrong
_AROUND = re.compile(r"^(Transient error|Retrying due to server \w+ error:) | encountered while.*")
_LOUD = ("opentelemetry", "azure")
_KEY = re.compile(r"InstrumentationKey=([^;]+)", re.IGNORECASE)
_INGESTION = re.compile(r"IngestionEndpoint=([^;]+)", re.IGNORECASE)
_OLD_INGESTION = "https://dc.services.visualstudio.com"  # where a string without one leads


@dataclass(frozen=True)
class Checked:
    """What came of one signal at one exporter.

    Attributes:
        target: where it was sent, without anything secret.
        problem: what went wrong, in the words of whoever said it; empty if it was accepted.
        hint: what to do about it.
    """

    exporter: ExporterName
    signal: CheckedSignal
    target: str
    accepted: bool
    problem: str = ""
    hint: str = ""


def check(settings: TelemetrySettings, process: Attributes) -> list[Checked]:
    """Send a span, a measurement, a log record and an event through each exporter.

    Takes some seconds where nothing answers. Raises ``Invalid`` for settings that can't be used:
    with any with which a process would not start.

    Args:
        process: describes this process, as for ``start``.
    """
    heard = _Heard()
    with heard.listening():
        with explained():
            exporters = make_exporters(
                settings,
                {"timeout": _PATIENCE_SECONDS, "session": heard.session} if settings.otlp else {},
                {
                    "raw_response_hook": heard.azure_response,
                    "timeout": _PATIENCE_SECONDS,
                    "read_timeout": _PATIENCE_SECONDS,
                    "retry_total": 0,
                },
            )
            _build_the_rest(settings, process, exporters)
        maker = RecordMaker(process)
        found = []
        for name in (OTLP, AZURE):
            known = "It was not accepted."
            for signal, exporter, batch in _signals(exporters.of, name, maker, process):
                target = _target(name, exporter, settings)
                heard.forget()
                accepted = exporter.export(batch).name == "SUCCESS" and not heard.refusal
                # What an exporter has just said it does not say again.
                known = heard.problem() or known
                problem = "" if accepted else known
                hint = "" if accepted else advice(name, problem, settings)
                found.append(Checked(name, signal, target, accepted, problem, hint))
        for signal_exporters in (exporters.traces, exporters.metrics, exporters.logs):
            for exporter in signal_exporters.values():
                exporter.shutdown()
    return found


def _build_the_rest(settings: TelemetrySettings, process: Attributes, exporters: Exporters) -> None:
    """Set up what a process would have: its sampler, queues and readers; nothing is sent by it."""
    if not settings.active:
        return
    silent = Exporters(
        traces={name: _Silent() for name in exporters.traces},
        metrics={name: _Silent() for name in exporters.metrics},
        logs={name: _Silent() for name in exporters.logs},
    )
    SdkTelemetry(settings, process, silent).close()


class _Silent:
    """An exporter of any signal that sends nothing."""

    _preferred_temporality: ClassVar[Mapping[type, Any]] = {}
    _preferred_aggregation: ClassVar[Mapping[type, Any]] = {}

    def export(self, *_: object, **__: object) -> None: ...

    def shutdown(self, *_: object, **__: object) -> None: ...

    def force_flush(self, *_: object, **__: object) -> bool:
        return True


def _signals(
    of: Callable[..., dict[ExporterName, Any]],
    name: ExporterName,
    maker: RecordMaker,
    process: Attributes,
) -> Iterator[tuple[CheckedSignal, Any, Any]]:
    context, now_ns = trace_context.new(sampled=True), time.time_ns()
    if exporter := of("traces").get(name):
        yield "traces", exporter, [maker.span(Span(EVENT, context, now_ns - 1_000_000, now_ns))]
    if exporter := of("metrics").get(name):
        yield "metrics", exporter, _measurement(maker.resource)
    if exporter := of("logs").get(name):
        yield "logs", exporter, [maker.log(__name__, _log_fields(context, now_ns))]
        event = Event("1", EVENT, datetime.now(UTC), context, {"state": "sent"})
        yield "events", exporter, [maker.event(event)]


def _log_fields(context: TraceContext, now_ns: int) -> dict[str, Any]:
    return {
        "timestamp": now_ns,
        "severity_number": 9,
        "severity_text": "INFO",
        "body": "A test of telemetry; nothing is wrong.",
        "attributes": {},  # Azure's exporter wants some
        **of_trace(context),
    }


def _measurement(resource: Any) -> Any:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)
    provider.get_meter("northstar").create_counter(EVENT, "1", "A test of telemetry.").add(1)
    data = reader.get_metrics_data()
    provider.shutdown()
    return data


def _target(name: ExporterName, exporter: Any, settings: TelemetrySettings) -> str:
    if name == OTLP:
        return str(exporter._endpoint).partition("?")[0]  # noqa: SLF001 - it is told nowhere else
    key, place = _KEY.search(settings.azure_monitor), _INGESTION.search(settings.azure_monitor)
    address = place[1].rstrip("/") if place else _OLD_INGESTION
    return f"{address} (key {key[1][:8]}…)" if key else address


@dataclass
class _Heard:
    """What exporters and those that they talk to say of one export."""

    lines: list[str] = field(default_factory=list)
    refusal: str = ""

    def forget(self) -> None:
        self.lines.clear()
        self.refusal = ""

    def problem(self) -> str:
        """What was answered, or else what the exporter logged last; empty for neither."""
        if self.refusal:
            return self.refusal
        reasons = [line for line in self.lines if _GIVEN_UP not in line]
        if reasons:
            return reasons[-1]
        return f"timed out: no answer within {_PATIENCE_SECONDS:g} s" if self.lines else ""

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take in what exporters log, instead of having it printed."""
        handler = _Lines(self.lines)
        loggers = [logging.getLogger(name) for name in _LOUD]
        before = [(logger.propagate, logger.level) for logger in loggers]
        for logger in loggers:
            logger.addHandler(handler)
            logger.propagate = False
            logger.setLevel(logging.WARNING)
        try:
            yield
        finally:
            for logger, (propagate, level) in zip(loggers, before, strict=True):
                logger.removeHandler(handler)
                logger.propagate = propagate
                logger.setLevel(level)

    @property
    def session(self) -> Any:
        import requests

        session = requests.Session()
        session.hooks["response"].append(self._otlp_response)
        return session

    def azure_response(self, response: Any) -> None:
        """Read Application Insights' answer, which names the error of each item."""
        answer = response.http_response
        try:
            body = json.loads(answer.text())
        except ValueError:
            body = {}
        errors = body.get("errors") or []
        told = "; ".join(f"{one.get('message')} ({one.get('statusCode')})" for one in errors)
        refused = body.get("itemsReceived", 0) != body.get("itemsAccepted", 0)
        if answer.status_code != 200 or errors or refused:
            self.refusal = f"HTTP {answer.status_code} {answer.reason}: {told}".rstrip(": ")

    def _otlp_response(self, response: Any, **_: Any) -> None:
        if response.status_code >= 400:
            text = response.text[:500] if "json" in _type(response) or _is_text(response) else ""
            self.refusal = f"HTTP {response.status_code} {response.reason}: {text}".rstrip(": ")
        elif rejected := _rejected(response):
            self.refusal = rejected


class _Lines(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        if record.exc_info and record.exc_info[1]:
            said = f"{said} {record.exc_info[1]}"
        self._lines.append(_AROUND.sub("", said))


def _type(response: Any) -> str:
    return str(response.headers.get("content-type", ""))


def _is_text(response: Any) -> bool:
    return _type(response).startswith("text/plain")


def _rejected(response: Any) -> str:
    """What a collector did not take although it answered that all was well."""
    if "protobuf" not in _type(response) or not response.content:
        return ""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceResponse,
    )

    try:  # the answers to all signals are made alike
        partial = ExportTraceServiceResponse.FromString(response.content).partial_success
    except DecodeError:
        return ""
    return f"not taken: {partial.error_message}" if partial.rejected_spans else ""
