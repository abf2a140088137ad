"""What the platform's telemetry says of a release, written in the transaction that changes it."""

from __future__ import annotations

from sqlalchemy import Connection

from northstar.release.domain import Event, Release
from northstar.telemetry import outbox, trace_context

EVENT = "northstar.release"


def emit_proposed(connection: Connection, release: Release) -> None:
    """Tell of a new release, with the span above all later ones of it."""
    outbox.emit(
        connection,
        EVENT,
        release.created_at,
        _attributes(release, "proposed"),
        what="release proposed",
        context=trace_context.parse(release.traceparent) or trace_context.lasting(),
        parent=trace_context.current(),
    )


def emit_changed(connection: Connection, release: Release, event: Event) -> None:
    """Tell what happened to a release, which is as it was left by that."""
    outbox.emit_of(
        connection,
        EVENT,
        event.at,
        _attributes(release, event.kind) | {"by": event.by},
        what=f"release {event.kind}",
        subject=release.traceparent,
    )


def _attributes(release: Release, event: str) -> dict[str, str | int]:
    return {
        "release": release.id,
        "event": event,
        "state": release.state,
        "endpoint": str(release.endpoint),
        "squad": release.squad,
        "project": release.project,
        "environment": release.environment,
        "version": release.version,
        "by": release.proposed_by,
    }
