"""``northstar labels``, ``northstar monitor`` and ``northstar alerts``."""

from __future__ import annotations

from datetime import UTC, datetime
from textwrap import shorten
from typing import IO, get_args

import click

from northstar.errors import Invalid
from northstar.monitoring.client import MonitoringClient
from northstar.monitoring.domain import (
    Alert,
    AlertKind,
    AlertState,
    EndpointMonitoring,
    LabelReceipt,
    Window,
)
from northstar.monitoring.label_files import read_labels
from northstar.names import EndpointRef
from northstar.telemetry.trace_context import trace_ids
from northstar.terminal import connect, emit, json_option, table

_ENDPOINT = click.argument("endpoint", metavar="SQUAD/PROJECT/ENVIRONMENT")
_ALERT = click.argument("number", metavar="ALERT", type=int)
_NOTE = click.option("--note", default="", help="What others should know of it.")


@click.group()
def labels() -> None:
    """Tell the platform what really happened."""


@labels.command("push")
@_ENDPOINT
@click.argument("file", type=click.File("r", encoding="utf-8"))
@json_option
def push_labels(endpoint: str, file: IO[str], as_json: bool) -> None:
    """Push the labels in FILE (- for standard input): CSV, JSON, or JSON lines.

    Columns or fields: prediction_id, label and, if you like, event_time. Labels for predictions
    that the platform has not seen are kept until they come, and reported.
    """
    ref = EndpointRef.parse(endpoint)
    found = read_labels(file, getattr(file, "name", "the input"))
    receipt = MonitoringClient(connect()).push_labels(ref, found)
    emit(receipt, as_json=as_json, text=lambda: _receipt(receipt))


@click.group()
def monitor() -> None:
    """What the monitor sees of an endpoint."""


@monitor.command("status")
@_ENDPOINT
@json_option
def show_status(endpoint: str, as_json: bool) -> None:
    """How far the monitor is, and what it has counted."""
    found = MonitoringClient(connect()).status(EndpointRef.parse(endpoint))
    emit(found, as_json=as_json, text=lambda: _status(found))


@monitor.command("windows")
@_ENDPOINT
@json_option
def list_windows(endpoint: str, as_json: bool) -> None:
    """Drift and performance, window by window; a drift score above 1 is beyond the alarm line."""
    found = MonitoringClient(connect()).windows(EndpointRef.parse(endpoint))
    headers = ("from", "version", "rows", "drift", "most", "metric", "interval", "labels", "found")
    emit(found, as_json=as_json, text=lambda: table(headers, [_window(w) for w in found]))


@monitor.command("findings")
@_ENDPOINT
@click.option("--since", help="Leave out windows that ended before this date.")
@json_option
def list_findings(endpoint: str, since: str | None, as_json: bool) -> None:
    """Everything that was found, window by window."""
    ref = EndpointRef.parse(endpoint)
    found = MonitoringClient(connect()).findings(ref, _moment(since) if since else None)
    rows = [
        (f.window_start, f.version, f.kind, f.message, "".join(trace_ids(*f.traces[:1])))
        for f in found
    ]
    headers = ("window from", "version", "kind", "finding", "trace of a prediction")
    emit(found, as_json=as_json, text=lambda: table(headers, rows, empty="Nothing was found."))


@monitor.command("advance")
@_ENDPOINT
@click.argument("until", metavar="DATE")
@json_option
def advance(endpoint: str, until: str, as_json: bool) -> None:
    """Close windows up to DATE (event time), though no later event has come."""
    found = MonitoringClient(connect()).advance(EndpointRef.parse(endpoint), _moment(until))
    emit(found, as_json=as_json, text=lambda: _status(found))


@click.group()
def alerts() -> None:
    """List, acknowledge and resolve alerts."""


@alerts.command("list")
@click.argument("endpoint", metavar="[SQUAD/PROJECT/ENVIRONMENT]", required=False)
@click.option("--state", type=click.Choice(get_args(AlertState)), help="Only those in it.")
@click.option("--kind", type=click.Choice(get_args(AlertKind)), help="Only those of it.")
@json_option
def list_alerts(
    endpoint: str | None, state: AlertState | None, kind: AlertKind | None, as_json: bool
) -> None:
    """Alerts of an endpoint, or all that you may read, newest first."""
    ref = EndpointRef.parse(endpoint) if endpoint else None
    found = MonitoringClient(connect()).alerts(ref, state, kind)
    rows = [
        (a.id, a.subject, a.kind, a.state, a.window_start, a.action, shorten(a.title, 90))
        for a in found
    ]
    headers = ("alert", "about", "kind", "state", "window from", "action", "what")
    emit(found, as_json=as_json, text=lambda: table(headers, rows, empty="No alert."))


@alerts.command("show")
@_ALERT
@json_option
def show_alert(number: int, as_json: bool) -> None:
    """One alert: what was found, and what happened since."""
    found = MonitoringClient(connect()).alert(number)
    emit(found, as_json=as_json, text=lambda: _alert(found))


@alerts.command("ack")
@_ALERT
@_NOTE
@json_option
def acknowledge(number: int, note: str, as_json: bool) -> None:
    """Take an alert on; by itself it leads to no further action from then on."""
    changed = MonitoringClient(connect()).acknowledge(number, note)
    emit(changed, as_json=as_json, text=f"Alert {changed.id} is acknowledged.")


@alerts.command("resolve")
@_ALERT
@_NOTE
@json_option
def resolve(number: int, note: str, as_json: bool) -> None:
    """Say that an alert is over; new findings open a new one."""
    changed = MonitoringClient(connect()).resolve(number, note)
    emit(changed, as_json=as_json, text=f"Alert {changed.id} is resolved.")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(
            f"{text!r} is not a date.", hint="Write it as 2026-03-01 or 2026-03-01T12:00:00+00:00."
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _receipt(receipt: LabelReceipt) -> str:
    lines = [f"{receipt.received:,} labels received, {receipt.matched:,} of known predictions."]
    if receipt.unknown_count:
        some = ", ".join(receipt.unknown[:3])
        lines.append(f"{receipt.unknown_count:,} of unknown predictions are kept ({some} …).")
    lines += [f"Not kept: {bad.prediction_id}: {bad.reason}" for bad in receipt.invalid[:10]]
    if receipt.invalid_count > 10:
        lines.append(f"… and {receipt.invalid_count - 10:,} more were not kept.")
    return "\n".join(lines)


def _status(found: EndpointMonitoring) -> str:
    rows = [
        ("events up to", found.watermark),
        ("versions", ", ".join(map(str, found.versions)) or None),
        ("predictions", found.predictions),
        ("labels", found.labels),
        ("labels that wait", found.waiting_labels),
        ("segments", found.segments),
        ("corrupt segments", found.corrupt_segments),
        ("windows", found.windows),
        ("unresolved alerts", found.open_alerts),
    ]
    return table(("endpoint", found.endpoint), [(what, _text(value)) for what, value in rows])


def _text(value: object) -> object:
    return str(value) if isinstance(value, int) else value


def _window(window: Window) -> tuple[object, ...]:
    drift, metric = window.drift, window.performance
    found = ", ".join(dict.fromkeys(finding.kind for finding in window.findings))
    return (
        window.start,
        window.version,
        window.rows,
        drift.score if drift else None,
        _most(window) or window.judged,
        metric.value if metric else None,
        f"{metric.low:.3f} to {metric.high:.3f}" if metric else None,
        f"{window.coverage:.0%}",
        found,
    )


def _most(window: Window) -> str:
    drift = window.drift
    if drift is None:
        return ""
    every = [*drift.columns, drift.prediction] if drift.prediction else drift.columns
    return max(every, key=lambda column: column.score).column if every else ""


def _alert(alert: Alert) -> str:
    head = [
        f"Alert {alert.id}: {alert.kind} on {alert.subject}, {alert.state}.",
        *(f"  {finding}" for finding in alert.findings),
        *(f"  trace {trace}" for trace in trace_ids(alert.traceparent)),
        *(f"  behind it: a prediction, trace {trace}" for trace in trace_ids(*alert.traces)),
    ]
    rows = [(event.at, event.what, event.by, event.note) for event in alert.events]
    return "\n".join([*head, "", table(("when", "what", "by", "note"), rows)])
