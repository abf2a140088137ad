"""Our spans and events as those of OpenTelemetry's SDK."""

from __future__ import annotations

import time
from typing import Any

from northstar import __version__
from northstar.telemetry.interface import Attributes, Event, Span
from northstar.telemetry.trace_context import TraceContext

SCOPE = "northstar"
CUSTOM_EVENT = "microsoft.custom_event.name"
"""The attribute by which Azure's exporter makes a custom event of a log record."""

_AZURE_SAMPLE_RATE = "_MS.sampleRate"
_LONGEST_VALUE = 1000


class RecordMaker:
    """Makes what exporters take; whatever it makes belongs to one resource.

    Args:
        attributes: describe the process; the variables of OpenTelemetry beat them.
        sample_rate: how many in a hundred traces are kept: requests that begin a trace tell Azure,
            which counts with it. ``None`` where nobody wants to know.
    """

    def __init__(self, attributes: Attributes, sample_rate: float | None = None) -> None:
        from opentelemetry import trace
        from opentelemetry.context import Context
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        own = {"service.version": __version__, **attributes}
        self.resource: Any = Resource.create(own).merge(OTELResourceDetector().detect())
        self.scope: Any = InstrumentationScope(SCOPE, __version__)
        self._api = trace
        self._context = Context
        self._span = ReadableSpan
        self._sample_rate = sample_rate

    def span(self, span: Span) -> Any:
        """A ``ReadableSpan``; long values are cut."""
        attributes = _short(span.attributes)
        if self._sample_rate is not None and span.parent is None and span.kind == "server":
            attributes[_AZURE_SAMPLE_RATE] = self._sample_rate
        status = self._api.Status(
            self._api.StatusCode.ERROR if span.error else self._api.StatusCode.UNSET,
            span.error[:_LONGEST_VALUE] or None,
        )
        return self._span(
            name=span.name,
            context=self._place(span.context),
            parent=self._place(span.parent) if span.parent else None,
            resource=self.resource,
            attributes=attributes,
            links=[self._api.Link(self._place(link)) for link in span.links],
            kind=self._api.SpanKind[span.kind.upper()],
            status=status,
            start_time=span.start_ns,
            end_time=span.end_ns,
            instrumentation_scope=self.scope,
        )

    def event(self, event: Event) -> Any:
        """A ``ReadableLogRecord`` that is an event, for Azure a custom event."""
        from opentelemetry._logs import LogRecord, SeverityNumber
        from opentelemetry.sdk._logs import ReadableLogRecord

        within = self._api.NonRecordingSpan(self._place(event.context))
        record = LogRecord(
            timestamp=int(event.at.timestamp() * 1e9),
            observed_timestamp=time.time_ns(),
            context=self._api.set_span_in_context(within, self._context()),
            severity_number=SeverityNumber.INFO,
            severity_text="INFO",
            body=event.name,
            event_name=event.name,
            attributes={CUSTOM_EVENT: event.name, **_short(event.attributes)},
        )
        return ReadableLogRecord(record, self.resource, self.scope)

    def log(self, logger: str, fields: dict[str, Any]) -> Any:
        """A ``ReadableLogRecord`` of what a logger was told.

        Args:
            fields: of OpenTelemetry's ``LogRecord``; the severity as its number.
        """
        from opentelemetry._logs import LogRecord, SeverityNumber
        from opentelemetry.sdk._logs import ReadableLogRecord
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        severity = SeverityNumber(fields["severity_number"])
        record = LogRecord(**{**fields, "severity_number": severity})
        return ReadableLogRecord(record, self.resource, InstrumentationScope(logger))

    def _place(self, context: TraceContext) -> Any:
        return self._api.SpanContext(
            int(context.trace_id, 16),
            int(context.span_id, 16),
            is_remote=False,
            trace_flags=self._api.TraceFlags(1 if context.sampled else 0),
        )


def _short(attributes: Attributes) -> dict[str, Any]:
    return {
        name: value[:_LONGEST_VALUE] if isinstance(value, str) else value
        for name, value in attributes.items()
    }
