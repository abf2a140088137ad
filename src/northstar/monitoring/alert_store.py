"""The tables of alerts and of the actions that they lead to; in the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)

from northstar.database import UtcDateTime, metadata
from northstar.monitoring.domain import (
    ActionKind,
    ActionRequest,
    Alert,
    AlertKind,
    AlertState,
    Differs,
    Found,
    Subject,
    open_alert,
)
from northstar.monitoring.telemetry import emit_opened
from northstar.names import EndpointRef
from northstar.telemetry.trace_context import new, parse

alerts = Table(
    "alerts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("endpoint", String(200), nullable=False),
    Column("environment", String(20), nullable=True),
    Column("kind", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("document", JSON, nullable=False),
    Index("ix_alerts_endpoint", "endpoint", "state"),
)

actions = Table(
    "alert_actions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("alert", ForeignKey("alerts.id"), nullable=False),
    Column("endpoint", String(200), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("event_time", UtcDateTime, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("last_error", Text, nullable=False, default=""),
    Index("ix_alert_actions_due", "state", "next_attempt_at"),
)


def add_alert(connection: Connection, found: Found | Differs) -> Alert:
    """Open an alert."""
    draft = open_alert(0, found).model_copy(update={"traceparent": str(new(sampled=True))})
    result = connection.execute(insert(alerts).values(**_columns(draft)))
    assert result.inserted_primary_key is not None  # noqa: S101 - the table has one
    alert = draft.model_copy(update={"id": int(result.inserted_primary_key[0])})
    save_alert(connection, alert)
    emit_opened(connection, alert)
    return alert


def save_alert(connection: Connection, alert: Alert) -> None:
    """Write an alert's present state."""
    connection.execute(update(alerts).where(alerts.c.id == alert.id).values(**_columns(alert)))


def get_alert(connection: Connection, number: int, subject: Subject | None) -> Alert | None:
    """One alert, if there is one of this number (about this)."""
    wanted = select(alerts.c.document).where(alerts.c.id == number)
    if subject is not None:
        wanted = wanted.where(_is_about(subject))
    stored = connection.execute(wanted).scalar()
    return Alert.model_validate(stored) if stored else None


def unresolved(
    connection: Connection, subject: Subject, kind: AlertKind | None = None
) -> list[Alert]:
    """The alerts about something that are not resolved."""
    wanted = (
        select(alerts.c.document)
        .where(_is_about(subject), alerts.c.state != "resolved")
        .order_by(alerts.c.id)
    )
    if kind is not None:
        wanted = wanted.where(alerts.c.kind == kind)
    return [Alert.model_validate(stored) for (stored,) in connection.execute(wanted)]


def list_alerts(
    connection: Connection,
    subject: Subject | None = None,
    state: AlertState | None = None,
    kind: AlertKind | None = None,
) -> list[Alert]:
    """Alerts, newest first."""
    wanted = select(alerts.c.document).order_by(alerts.c.id.desc())
    if subject is not None:
        wanted = wanted.where(_is_about(subject))
    if state is not None:
        wanted = wanted.where(alerts.c.state == state)
    if kind is not None:
        wanted = wanted.where(alerts.c.kind == kind)
    return [Alert.model_validate(stored) for (stored,) in connection.execute(wanted)]


def add_action(
    connection: Connection,
    alert: Alert,
    kind: ActionKind,
    event_time: datetime,
    detail: dict[str, Any],
    now: datetime,
) -> None:
    """Ask for an action; its ``detail`` keeps its place in the alert's trace."""
    above = parse(alert.traceparent)
    own = above.child() if above else new(sampled=True)
    connection.execute(
        insert(actions).values(
            alert=alert.id,
            endpoint=alert.endpoint,
            kind=kind,
            state="pending",
            event_time=event_time,
            detail={**detail, "traceparent": str(own)},
            next_attempt_at=now,
        )
    )


def last_action(connection: Connection, endpoint: str, kind: ActionKind) -> datetime | None:
    """Event time of the latest action of a kind that was asked for and has not failed."""
    return connection.execute(
        select(func.max(actions.c.event_time).label("latest")).where(
            actions.c.endpoint == endpoint, actions.c.kind == kind, actions.c.state != "failed"
        )
    ).scalar()


def due_actions(connection: Connection, now: datetime) -> list[ActionRequest]:
    """Actions that are to be tried now, oldest first."""
    return _requests(
        connection.execute(
            select(actions)
            .where(actions.c.state == "pending", actions.c.next_attempt_at <= now)
            .order_by(actions.c.id)
        )
    )


def actions_of(connection: Connection, alert: int) -> list[ActionRequest]:
    """What an alert has led to, oldest first."""
    wanted = select(actions).where(actions.c.alert == alert).order_by(actions.c.id)
    return _requests(connection.execute(wanted))


def settle_action(connection: Connection, number: int, **values: Any) -> None:
    """Write how an attempt went."""
    connection.execute(update(actions).where(actions.c.id == number).values(**values))


def _requests(rows: Any) -> list[ActionRequest]:
    fields = ActionRequest.model_fields
    return [
        ActionRequest.model_validate({k: v for k, v in row._mapping.items() if k in fields})
        for row in rows
    ]


def _is_about(subject: Subject) -> ColumnElement[bool]:
    if isinstance(subject, EndpointRef):
        return alerts.c.endpoint == str(subject)
    return alerts.c.environment == subject


def _columns(alert: Alert) -> dict[str, Any]:
    columns = alert.model_dump(include={"endpoint", "environment", "kind", "state", "opened_at"})
    return {**columns, "document": alert.model_dump(mode="json")}
