"""Alerts about an environment's infrastructure; in the caller's transaction.

What one check found is told again and again until it is known to be kept, so every check is told by
its time, and one that is not newer than what an alert knows changes nothing.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from northstar.monitoring import alert_store
from northstar.monitoring.actions import notification
from northstar.monitoring.domain import MONITOR, Alert, Differs, Resolve, advance
from northstar.monitoring.telemetry import emit_changed
from northstar.names import EnvironmentName


def differs(connection: Connection, found: Differs, webhook: str, now: datetime) -> None:
    """Open an alert, or let this check join the one under way.

    Args:
        webhook: where the platform's own alerts are told; empty for nowhere.
    """
    latest = _latest(connection, found.environment)
    if latest and _knows(latest, found.at):
        return
    if latest and latest.state != "resolved":
        alert_store.save_alert(connection, advance(latest, found))
        return
    opened = alert_store.add_alert(connection, found)
    if webhook:
        action = notification(opened, webhook)
        alert_store.add_action(connection, opened, action.kind, found.at, action.detail, now)


def agrees(
    connection: Connection, environment: EnvironmentName, at: datetime, why: str, now: datetime
) -> None:
    """Resolve the alert under way, if this check is newer than what it knows."""
    latest = _latest(connection, environment)
    if latest is None or latest.state == "resolved" or _knows(latest, at):
        return
    resolved = advance(latest, Resolve(at=now, by=MONITOR, note=why))
    alert_store.save_alert(connection, resolved)
    emit_changed(connection, resolved)


def _latest(connection: Connection, environment: EnvironmentName) -> Alert | None:
    return next(iter(alert_store.list_alerts(connection, environment)), None)


def _knows(alert: Alert, at: datetime) -> bool:
    return alert.window_end is not None and at <= alert.window_end
