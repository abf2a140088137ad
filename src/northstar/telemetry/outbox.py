"""Events that must not be lost: written with the change that they tell of, delivered afterwards.

A change and its event are one transaction, so there is neither without the other. A loop delivers
what is written and forgets it: killed in between, it delivers once more. Which replica does it does
not matter.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    Row,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
)

from northstar.clock import Clock
from northstar.database import Database, UtcDateTime, metadata
from northstar.telemetry import trace_context
from northstar.telemetry.interface import Attributes, Event, Span, Telemetry
from northstar.telemetry.trace_context import TraceContext

log = logging.getLogger(__name__)

_BATCH = 100
_KEPT = timedelta(days=2)  # Azure Monitor takes nothing that is older

events = Table(
    "telemetry_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("body", Text, nullable=False),
)


def emit(
    connection: Connection,
    name: str,
    at: datetime,
    attributes: Attributes,
    *,
    what: str,
    context: TraceContext,
    parent: TraceContext | None = None,
    links: Sequence[TraceContext] = (),
    since: datetime | None = None,
) -> None:
    """Have an event sent, and a span that stands for it, once the caller's transaction is through.

    Args:
        name: what rules and dashboards ask for, such as ``northstar.release``.
        what: the span's name, such as ``release approved``.
        context: the span's own place.
        links: what led to it in other traces.
        since: when what has happened began; ``None`` for a moment.
    """
    body = {
        "what": what,
        "attributes": dict(attributes),
        "context": str(context),
        "parent": str(parent or ""),
        "links": [str(link) for link in links],
        "since": (since or at).isoformat(),
    }
    connection.execute(insert(events).values(name=name, at=at, body=json.dumps(body)))


def emit_of(
    connection: Connection,
    name: str,
    at: datetime,
    attributes: Attributes,
    *,
    what: str,
    subject: str,
    since: datetime | None = None,
) -> None:
    """Have told what happened to something that keeps a ``traceparent``: in that trace, linked to
    the work in which it happened where that is another.
    """
    parent = trace_context.parse(subject)
    here = trace_context.current()
    emit(
        connection,
        name,
        at,
        attributes,
        what=what,
        context=parent.child() if parent else trace_context.lasting(),
        parent=parent,
        links=[here] if here and parent and here.trace_id != parent.trace_id else [],
        since=since,
    )


class Outbox:
    """Delivers what was told, oldest first; what nobody takes for two days is forgotten."""

    def __init__(self, database: Database, telemetry: Telemetry, clock: Clock) -> None:
        self._database = database
        self._telemetry = telemetry
        self._clock = clock

    def step(self) -> int:
        """Deliver what waits; returns how many events. Raises ``Unavailable``."""
        self._forget_what_is_too_old()
        delivered = 0
        while rows := self._oldest():
            told = [_told(row) for row in rows]
            self._telemetry.deliver([event for event, _ in told])
            for _, span in told:
                self._telemetry.record(span)
            with self._database.begin() as connection:
                connection.execute(delete(events).where(events.c.id.in_([row.id for row in rows])))
            delivered += len(rows)
        return delivered

    def waiting(self) -> int:
        """How many events have not been delivered."""
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(events)).scalar_one()

    def _oldest(self) -> Sequence[Row[Any]]:
        with self._database.read() as connection:
            return connection.execute(select(events).order_by(events.c.id).limit(_BATCH)).all()

    def _forget_what_is_too_old(self) -> None:
        oldest = self._clock.now() - _KEPT
        with self._database.read() as connection:
            found = connection.execute(select(events.c.id).where(events.c.at < oldest).limit(1))
            if found.first() is None:
                return
        with self._database.begin() as connection:
            forgotten = connection.execute(delete(events).where(events.c.at < oldest)).rowcount
        log.warning("%d events that nobody took in %s are forgotten", forgotten, _KEPT)


def _told(row: Row[Any]) -> tuple[Event, Span]:
    body = json.loads(row.body)
    context = trace_context.parse(body["context"]) or trace_context.new(sampled=True)
    links = [link for link in map(trace_context.parse, body["links"]) if link]
    span = Span(
        name=body["what"],
        context=context,
        start_ns=_nanoseconds(datetime.fromisoformat(body["since"])),
        end_ns=_nanoseconds(row.at),
        parent=trace_context.parse(body["parent"]),
        attributes=body["attributes"],
        links=links,
    )
    # Not the row's number, which SQLite gives again when the last row is gone.
    return Event(str(context), row.name, row.at, context, body["attributes"]), span


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1e9)
