"""What the platform's telemetry says of an alert, written in the transaction that changes it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from northstar.monitoring.domain import MONITOR, ActionRequest, Alert
from northstar.telemetry import outbox, trace_context

EVENT = "northstar.alert"


def emit_opened(connection: Connection, alert: Alert) -> None:
    """Tell of a new alert: the first span of its trace, linked to the predictions behind it."""
    outbox.emit(
        connection,
        EVENT,
        alert.opened_at,
        _attributes(alert, "opened"),
        what="alert opened",
        context=trace_context.parse(alert.traceparent) or trace_context.lasting(),
        links=[link for link in map(trace_context.parse, alert.traces) if link],
    )


def emit_changed(connection: Connection, alert: Alert) -> None:
    """Tell what happened to an alert last."""
    last = alert.events[-1]
    outbox.emit_of(
        connection,
        EVENT,
        last.at,
        _attributes(alert, last.what) | {"by": last.by},
        what=f"alert {last.what}",
        subject=alert.traceparent,
    )


def emit_acted(
    connection: Connection, alert: Alert, request: ActionRequest, at: datetime, outcome: str
) -> None:
    """Tell that an action of an alert's has ended; the action has a place in its trace."""
    above = trace_context.parse(alert.traceparent)
    outbox.emit(
        connection,
        EVENT,
        at,
        _attributes(alert, request.kind) | {"outcome": outcome},
        what=f"alert {request.kind}",
        context=trace_context.parse(request.traceparent) or trace_context.lasting(),
        parent=above,
    )


def _attributes(alert: Alert, event: str) -> dict[str, str | int]:
    ref = alert.ref
    return {
        "alert": alert.id,
        "event": event,
        "kind": alert.kind,
        "state": alert.state,
        "endpoint": alert.endpoint,
        "squad": ref.squad if ref else "",
        "project": ref.project if ref else "",
        "environment": ref.environment if ref else alert.subject,
        "version": alert.version or 0,
        "by": MONITOR,
    }
