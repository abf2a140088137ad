"""From findings to alerts, and from alerts to actions; in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from northstar.monitoring import alert_store, finding_store, store
from northstar.monitoring.actions import plan
from northstar.monitoring.domain import (
    ActionKind,
    Alert,
    FindingKind,
    FindingRecord,
    Found,
    advance,
)
from northstar.monitoring.store import EndpointRow
from northstar.project.domain import MonitoringConfig

_CLEAN_WINDOWS = 2
_SILENT_FOR = timedelta(days=1)
_WITH_COOLDOWN: tuple[ActionKind, ...] = ("retrain", "rollback")


def raise_alerts(
    connection: Connection,
    endpoint: EndpointRow,
    found: Sequence[FindingRecord],
    config: MonitoringConfig,
    now: datetime,
) -> None:
    """Open an alert for each kind among one window's findings, or let them join the one there is.

    Findings about a version that no longer answers are on record, but alert nobody.
    """
    if found and _silent(connection, endpoint, found[0].version):
        return
    for kind in dict.fromkeys(finding.kind for finding in found):
        own = Found(at=now, findings=[finding for finding in found if finding.kind == kind])
        under_way = alert_store.unresolved(connection, endpoint.ref, kind)
        if under_way:
            alert = advance(under_way[0], own)
            alert_store.save_alert(connection, alert)
        else:
            alert = alert_store.add_alert(connection, own)
        _ask_for_actions(connection, endpoint, alert, config, now, opened=not under_way)


def what_is_over(connection: Connection, endpoint: EndpointRow) -> list[tuple[Alert, str]]:
    """Alerts to resolve, with the reason: their version no longer answers, or findings ceased."""
    over = []
    for alert in alert_store.unresolved(connection, endpoint.ref):
        if alert.version is None or alert.kind == "infrastructure":
            continue  # a broken segment is over when a person says so
        if _silent(connection, endpoint, alert.version):
            over.append((alert, f"Version {alert.version} no longer answers."))
        elif _ceased(connection, endpoint, alert.kind, alert.version, alert.window_end):
            over.append((alert, f"{_CLEAN_WINDOWS} windows in a row had no such finding."))
    return over


def _ask_for_actions(
    connection: Connection,
    endpoint: EndpointRow,
    alert: Alert,
    config: MonitoringConfig,
    now: datetime,
    *,
    opened: bool,
) -> None:
    event_now = endpoint.closed_until or now
    last = {
        kind: alert_store.last_action(connection, alert.endpoint, kind) for kind in _WITH_COOLDOWN
    }
    for action in plan(alert, config, last, event_now, opened=opened):
        alert_store.add_action(connection, alert, action.kind, event_now, action.detail, now)


def _silent(connection: Connection, endpoint: EndpointRow, version: int | None) -> bool:
    """Whether other versions have answered for a day after this one's last answer."""
    if version is None:
        return False
    latest = store.last_events(connection, endpoint.id)
    own = latest.pop(version, None)
    return own is not None and bool(latest) and max(latest.values()) > own + _SILENT_FOR


def _ceased(
    connection: Connection,
    endpoint: EndpointRow,
    kind: FindingKind,
    version: int,
    last_found: datetime | None,
) -> bool:
    latest = store.latest_judged(connection, endpoint.id, version, kind, _CLEAN_WINDOWS)
    if len(latest) < _CLEAN_WINDOWS or last_found is None:
        return False
    with_findings = finding_store.windows_with_findings(connection, endpoint.id, version, kind)
    return all(end > last_found and number not in with_findings for number, end in latest)
