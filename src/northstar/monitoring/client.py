"""The SDK's view of monitoring: labels in; windows, findings and alerts out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice

from northstar.connection import Connection
from northstar.monitoring.domain import (
    ActionRequest,
    Alert,
    AlertKind,
    AlertState,
    EndpointMonitoring,
    FindingRecord,
    InvalidLabel,
    Label,
    LabelReceipt,
    Window,
)
from northstar.names import EndpointRef

_LABELS_A_REQUEST = 10_000
_REPORTED = 100


class MonitoringClient:
    """What the monitor knows of endpoints, over the HTTP API."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def push_labels(self, endpoint: EndpointRef, labels: Iterable[Label]) -> LabelReceipt:
        """Push any number of labels; what was answered is kept, whatever happens after.

        Raises ``NotFound`` for an endpoint without captures, ``Invalid``, ``Denied``.
        """
        total = LabelReceipt(
            received=0, matched=0, unknown_count=0, unknown=[], invalid_count=0, invalid=[]
        )
        remaining = iter(labels)
        while batch := list(islice(remaining, _LABELS_A_REQUEST)):
            total = _added(total, self._push(endpoint, batch))
        return total

    def status(self, endpoint: EndpointRef) -> EndpointMonitoring:
        """How far the monitor is with an endpoint."""
        answer = self._connection.get(f"{endpoint.path}/monitoring")
        return EndpointMonitoring.model_validate(answer)

    def windows(self, endpoint: EndpointRef) -> list[Window]:
        """All windows of an endpoint, by time and version."""
        answer = self._connection.get(f"{endpoint.path}/monitoring/windows")
        return [Window.model_validate(window) for window in answer]

    def findings(self, endpoint: EndpointRef, since: datetime | None = None) -> list[FindingRecord]:
        """An endpoint's findings; ``since`` leaves out windows that ended before."""
        moment = since.isoformat() if since else None
        answer = self._connection.get(f"{endpoint.path}/monitoring/findings", since=moment)
        return [FindingRecord.model_validate(finding) for finding in answer]

    def advance(self, endpoint: EndpointRef, until: datetime) -> EndpointMonitoring:
        """Close windows up to ``until``, though no later event has come."""
        body = {"until": until.isoformat()}
        answer = self._connection.post(f"{endpoint.path}/monitoring/advance", body)
        return EndpointMonitoring.model_validate(answer)

    def alerts(
        self,
        endpoint: EndpointRef | None = None,
        state: AlertState | None = None,
        kind: AlertKind | None = None,
    ) -> list[Alert]:
        """Alerts of one endpoint, or all that the caller may read; newest first."""
        path = f"{endpoint.path}/alerts" if endpoint else "/api/alerts"
        answer = self._connection.get(path, state=state, kind=kind)
        return [Alert.model_validate(alert) for alert in answer]

    def alert(self, number: int) -> Alert:
        """One alert; raises ``NotFound``."""
        return Alert.model_validate(self._connection.get(f"/api/alerts/{number}"))

    def actions(self, alert: Alert) -> list[ActionRequest]:
        """What an alert has led to, oldest first."""
        answer = self._connection.get(f"{alert.path}/actions")
        return [ActionRequest.model_validate(action) for action in answer]

    def acknowledge(self, number: int, note: str = "") -> Alert:
        """Take an alert on; raises ``NotFound``, ``Conflict``."""
        return self._change(number, "acknowledge", note)

    def resolve(self, number: int, note: str = "") -> Alert:
        """Say that an alert is over; raises ``NotFound``, ``Conflict``."""
        return self._change(number, "resolve", note)

    def _push(self, endpoint: EndpointRef, labels: Sequence[Label]) -> LabelReceipt:
        body = {"labels": [label.model_dump(mode="json", exclude_none=True) for label in labels]}
        return LabelReceipt.model_validate(self._connection.post(f"{endpoint.path}/labels", body))

    def _change(self, number: int, change: str, note: str) -> Alert:
        path = f"{self.alert(number).path}/{change}"
        return Alert.model_validate(self._connection.post(path, {"note": note}))


def _added(total: LabelReceipt, more: LabelReceipt) -> LabelReceipt:
    invalid: list[InvalidLabel] = [*total.invalid, *more.invalid]
    return LabelReceipt(
        received=total.received + more.received,
        matched=total.matched + more.matched,
        unknown_count=total.unknown_count + more.unknown_count,
        unknown=[*total.unknown, *more.unknown][:_REPORTED],
        invalid_count=total.invalid_count + more.invalid_count,
        invalid=invalid[:_REPORTED],
    )
