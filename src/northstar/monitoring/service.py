"""The monitor's use cases: one step of its loop, labels, and what people ask and answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from northstar.clock import Clock
from northstar.database import Database
from northstar.errors import NotFound, PartlyFailed
from northstar.monitoring import (
    alert_store,
    finding_store,
    infrastructure,
    outcome_store,
    store,
)
from northstar.monitoring.actions import Actions, Outbox, Webhooks
from northstar.monitoring.alerting import what_is_over
from northstar.monitoring.captures import Captures
from northstar.monitoring.domain import (
    LABELS_AT_ONCE,
    MONITOR,
    Acknowledge,
    ActionRequest,
    Alert,
    AlertChange,
    AlertKind,
    AlertState,
    Differs,
    EndpointMonitoring,
    FindingRecord,
    InvalidLabel,
    Label,
    LabelReceipt,
    Resolve,
    Subject,
    Window,
    advance,
)
from northstar.monitoring.errors import AlertSettled, BadLabels, NoSuchAlert
from northstar.monitoring.ingestion import Ingestion
from northstar.monitoring.judging import Judge
from northstar.monitoring.store import EndpointRow
from northstar.monitoring.telemetry import emit_changed
from northstar.monitoring.versions import Versions, WatchedVersions
from northstar.names import EndpointRef, EnvironmentName

log = logging.getLogger(__name__)

_OUTCOMES_KEPT = timedelta(days=400)
_REPORTED = 100


@dataclass(frozen=True)
class StepReport:
    """What one step did; all zeros mean that nothing was new."""

    segments: int = 0
    predictions: int = 0
    labels: int = 0
    windows: int = 0
    actions: int = 0

    def __bool__(self) -> bool:
        return any((self.segments, self.predictions, self.labels, self.windows, self.actions))


class MonitoringService:
    """Watches every endpoint that has captures.

    Args:
        captures: what endpoints left of their predictions; labels are kept there too.
        versions: the registry.
        actions: who retrains and rolls back.
        webhooks: who delivers notifications.
        webhook: where alerts about environments are told; empty for nowhere.
    """

    def __init__(
        self,
        database: Database,
        captures: Captures,
        versions: Versions,
        actions: Actions,
        webhooks: Webhooks,
        clock: Clock,
        webhook: str = "",
    ) -> None:
        self._webhook = webhook
        self._database = database
        self._captures = captures
        self._versions = WatchedVersions(versions)
        self._clock = clock
        self._ingestion = Ingestion(database, self._captures, self._versions, clock)
        self._judge = Judge(database, self._versions, clock)
        self._outbox = Outbox(database, actions, webhooks, clock)

    def step(self) -> StepReport:
        """Take in what is new, judge what is due, carry out what was asked for.

        Level-triggered and idempotent: it looks at the captures and the database, and may be killed
        anywhere. One endpoint's failure does not stop the others; it is raised at the end.
        """
        segments = predictions = labels = windows = 0
        failed: list[str] = []
        for ref in self._captures.endpoints():
            try:
                asked = self._ingestion.take_predictions(ref)
                told = self._ingestion.take_labels(ref)
                windows += self._judge.judge_inputs(ref)
                windows += self._judge.measure_labels(ref)
                windows += self._judge.judge_performance(ref)
                self._tidy(ref)
            except Exception:
                log.exception("monitoring %s failed", ref)
                failed.append(str(ref))
                continue
            segments += asked.segments + told.segments
            predictions += asked.rows
            labels += told.rows
        actions = self._outbox.step()
        if failed:
            raise PartlyFailed(
                f"Monitoring failed for {', '.join(failed)}; the log has the reasons."
            )
        return StepReport(segments, predictions, labels, windows, actions)

    def push_labels(self, ref: EndpointRef, labels: Sequence[Label]) -> LabelReceipt:
        """Keep labels durably and say what became of them; the next step joins them.

        A later label for the same prediction replaces an earlier one. Raises ``NotFound`` for an
        endpoint that nothing was captured of, ``BadLabels`` for none or too many.
        """
        if not 0 < len(labels) <= LABELS_AT_ONCE:
            raise BadLabels(
                f"{len(labels)} labels cannot be pushed at once.",
                hint=f"Push between 1 and {LABELS_AT_ONCE:,} at a time.",
            )
        by_id = {label.prediction_id: label for label in labels}
        with self._database.read() as connection:
            endpoint = store.endpoint_row(connection, ref)
            if endpoint is None and ref not in self._captures.endpoints():
                raise NotFound(
                    f"{ref} has no captured predictions that labels could belong to.",
                    hint="`northstar endpoint list` shows the endpoints.",
                )
            places = (
                outcome_store.places_of(connection, endpoint.id, list(by_id)) if endpoint else {}
            )
        invalid = []
        for name, (version, _) in places.items():
            try:
                self._versions.get(ref.project_ref, version).truth(by_id[name].label)
            except ValueError as error:
                invalid.append(InvalidLabel(prediction_id=name, reason=f"{error}."))
                del by_id[name]
        if by_id:
            self._captures.write_labels(ref, list(by_id.values()), self._clock.now())
        unknown = [name for name in by_id if name not in places]
        return LabelReceipt(
            received=len(labels),
            matched=len(by_id) - len(unknown),
            unknown_count=len(unknown),
            unknown=unknown[:_REPORTED],
            invalid_count=len(invalid),
            invalid=invalid[:_REPORTED],
        )

    def advance(self, ref: EndpointRef, until: datetime) -> EndpointMonitoring:
        """Close windows up to ``until``, though no later event has come; never takes back."""
        with self._database.begin() as connection:
            endpoint = self._endpoint(connection, ref)
            latest = max(until, endpoint.advanced_until or until)
            store.advance_until(connection, endpoint.id, latest)
        return self.status(ref)

    def status(self, ref: EndpointRef) -> EndpointMonitoring:
        """How far the monitor is; an endpoint without captures has seen nothing."""
        with self._database.read() as connection:
            endpoint = store.endpoint_row(connection, ref)
            if endpoint is None:
                return EndpointMonitoring(endpoint=str(ref))
            return store.overview(connection, endpoint).model_copy(
                update={
                    "waiting_labels": outcome_store.waiting_count(connection, endpoint.id),
                    "open_alerts": len(alert_store.unresolved(connection, ref)),
                }
            )

    def windows(self, ref: EndpointRef) -> list[Window]:
        """All windows of an endpoint, by time and version, with their findings."""
        with self._database.read() as connection:
            endpoint = store.endpoint_row(connection, ref)
            return store.list_windows(connection, endpoint) if endpoint else []

    def findings(self, ref: EndpointRef, since: datetime | None = None) -> list[FindingRecord]:
        """An endpoint's findings; ``since`` leaves out windows that ended before."""
        with self._database.read() as connection:
            endpoint = store.endpoint_row(connection, ref)
            if endpoint is None:
                return []
            return finding_store.list_findings(connection, endpoint.id, ref, since)

    def infrastructure_differs(self, found: Differs) -> None:
        """An environment was checked and is not as its code says: open an alert, or let this join
        the one under way. The same check told twice, or told late, changes nothing.
        """
        with self._database.begin() as connection:
            infrastructure.differs(connection, found, self._webhook, self._clock.now())

    def infrastructure_agrees(self, environment: EnvironmentName, at: datetime, why: str) -> None:
        """An environment was checked and is as its code says: the alert under way is over."""
        with self._database.begin() as connection:
            infrastructure.agrees(connection, environment, at, why, self._clock.now())

    def alerts(
        self,
        subject: Subject | None = None,
        state: AlertState | None = None,
        kind: AlertKind | None = None,
    ) -> list[Alert]:
        """Alerts of one endpoint, of one environment or of all, newest first."""
        with self._database.read() as connection:
            return alert_store.list_alerts(connection, subject, state, kind)

    def alert(self, number: int, subject: Subject | None = None) -> Alert:
        """One alert; raises ``NoSuchAlert``."""
        with self._database.read() as connection:
            found = alert_store.get_alert(connection, number, subject)
        if found is None:
            raise _no_such(number, subject)
        return found

    def actions(self, number: int) -> list[ActionRequest]:
        """What an alert has led to, oldest first."""
        with self._database.read() as connection:
            return alert_store.actions_of(connection, number)

    def acknowledge(self, subject: Subject, number: int, by: str, note: str = "") -> Alert:
        """Take an alert on; it leads to no further action by itself from then on.

        Raises ``NoSuchAlert``, ``AlertSettled``.
        """
        return self._change(subject, number, lambda at: Acknowledge(at=at, by=by, note=note))

    def resolve(self, subject: Subject, number: int, by: str, note: str = "") -> Alert:
        """Say that an alert is over; raises ``NoSuchAlert``, ``AlertSettled``."""
        return self._change(subject, number, lambda at: Resolve(at=at, by=by, note=note))

    def _change(
        self, subject: Subject, number: int, change: Callable[[datetime], AlertChange]
    ) -> Alert:
        with self._database.begin() as connection:
            alert = alert_store.get_alert(connection, number, subject)
            if alert is None:
                raise _no_such(number, subject)
            changed = advance(alert, change(self._clock.now()))
            alert_store.save_alert(connection, changed)
            emit_changed(connection, changed)
        return changed

    def _endpoint(self, connection: Connection, ref: EndpointRef) -> EndpointRow:
        endpoint = store.endpoint_row(connection, ref)
        if endpoint is None:
            raise NotFound(f"The monitor has seen nothing of {ref} yet.")
        return endpoint

    def _tidy(self, ref: EndpointRef) -> None:
        """Resolve what is over, and forget outcomes that no label can be expected for any more."""
        with self._database.read() as connection:
            endpoint = store.endpoint_row(connection, ref)
            if endpoint is None or endpoint.closed_until is None:
                return
            over = what_is_over(connection, endpoint)
            oldest = endpoint.closed_until - _OUTCOMES_KEPT
            expired = store.expired_windows(connection, endpoint.id, oldest)
        for alert, reason in over:
            try:
                self.resolve(ref, alert.id, MONITOR, reason)
            except AlertSettled:
                continue  # a person was faster
        for version, number in expired:
            with self._database.begin() as connection:
                outcome_store.forget(connection, endpoint.id, version, number)
                outcome_store.forget_waiting(
                    connection, endpoint.id, self._clock.now() - _OUTCOMES_KEPT
                )
                store.settle_window(connection, endpoint.id, version, number, outcomes_kept=False)


def _no_such(number: int, subject: Subject | None) -> NoSuchAlert:
    return NoSuchAlert(
        f"There is no alert {number}{f' of {subject}' if subject else ''}.",
        hint="`northstar alerts list` shows what there is.",
    )
