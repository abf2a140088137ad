"""Environments as objects of the platform, and what is reported of their infrastructure."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from northstar.access.audit.log import AuditLog
from northstar.clock import Clock
from northstar.database import Database
from northstar.environments import store
from northstar.environments.domain import (
    Environment,
    EnvironmentReport,
    EnvironmentStatus,
    Infrastructure,
    ReportKind,
    StoredReport,
    difference,
    exposed_by_hand,
)
from northstar.errors import Invalid
from northstar.monitoring.domain import Differs
from northstar.monitoring.service import MonitoringService
from northstar.names import ENVIRONMENTS, EnvironmentName, Scope

_KEPT = 50
_AHEAD = timedelta(minutes=5)
_DIFFERENCES_TOLD = 20


class EnvironmentService:
    """The three environments; safe to share between threads and replicas.

    Args:
        audit: what is said of an environment is recorded there.
        monitoring: where drift becomes an alert.
    """

    def __init__(
        self, database: Database, clock: Clock, audit: AuditLog, monitoring: MonitoringService
    ) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit
        self._monitoring = monitoring

    def environment(self, name: EnvironmentName) -> Environment:
        """What was set of an environment; one with its name alone if nothing was."""
        with self._database.read() as connection:
            return store.environment(connection, name)

    def set(self, wanted: Environment, by: str) -> Environment:
        """Set whose an environment is, where it runs, and so on, all of it at once; returns it."""
        told = wanted.model_dump(mode="json", exclude={"name"})
        with self._audit.change() as change:
            store.set_environment(change.connection, wanted, by, self._clock.now())
            change.record(by, "environment:update", Scope(), environment=wanted.name, **told)
        return wanted

    def reset(self, name: EnvironmentName, by: str) -> None:
        """Forget what was set of an environment, if anything was; its freezes and reports stay."""
        with self._audit.change() as change:
            store.forget_environment(change.connection, name)
            change.record(by, "environment:update", Scope(), environment=name, reset=True)

    def overview(self) -> list[EnvironmentStatus]:
        """All environments as they stand."""
        return [self.status(name) for name in ENVIRONMENTS]

    def status(self, name: EnvironmentName) -> EnvironmentStatus:
        """One environment as it stands."""
        now = self._clock.now()
        with self._database.read() as connection:
            environment = store.environment(connection, name)
            found = _infrastructure(connection, name)
            return EnvironmentStatus(
                environment=environment,
                freezes=tuple(store.list_freezes(connection, name, ends_after=now)),
                infrastructure=found.as_of(now, environment.drift_check_hours),
            )

    def report(self, report: EnvironmentReport, by: str) -> StoredReport:
        """Keep what a command found or did; the loop's next step makes drift an alert.

        Reporting the same again gives what is kept. Raises ``Invalid`` for a report of the future:
        every later one would be taken for older.
        """
        now = self._clock.now()
        if report.at > now + _AHEAD:
            raise Invalid(
                f"The report is of {report.at:%Y-%m-%d %H:%M:%S %Z}, which is in the future.",
                hint="The clock of the machine that reports must be right.",
            )
        wanted = StoredReport(**report.model_dump(), id=0, reported_by=by, received_at=now)
        try:
            with self._database.begin() as connection:
                if known := store.same_report(connection, wanted):
                    return known
                kept = store.add_report(connection, wanted)
                store.forget_reports(connection, report.environment, _KEPT)
                return kept
        except IntegrityError:
            with self._database.read() as connection:
                known = store.same_report(connection, wanted)
            if known is None:
                raise
            return known

    def reports(
        self, name: EnvironmentName, kind: ReportKind | None = None, limit: int = 20
    ) -> list[StoredReport]:
        """What was reported of an environment, newest first; the last 50 of each kind are kept."""
        with self._database.read() as connection:
            return store.list_reports(connection, name, kind, limit)

    def step(self) -> int:
        """Hold every environment's alert against its last report; how many there are.

        It looks at what is kept and may be killed anywhere; telling the same twice changes nothing.
        """
        told = 0
        for name in ENVIRONMENTS:
            with self._database.read() as connection:
                latest = store.latest_report(connection, name, "drift", "destroy")
            if latest is not None:
                self._tell(latest)
                told += 1
        return told

    def _tell(self, latest: StoredReport) -> None:
        if latest.kind == "destroy":
            why = f"{latest.reported_by} destroyed the infrastructure."
            self._monitoring.infrastructure_agrees(latest.environment, latest.at, why)
        elif latest.differences == 0:
            why = "A check found no difference any more."
            self._monitoring.infrastructure_agrees(latest.environment, latest.at, why)
        else:
            found = [*exposed_by_hand(latest), *map(difference, latest.changes)]
            told = found[:_DIFFERENCES_TOLD] or ["The report names no resource."]
            back = f"northstar env apply {latest.environment} brings back what is written."
            self._monitoring.infrastructure_differs(
                Differs(
                    environment=latest.environment,
                    at=latest.at,
                    findings=[*told, back],
                    count=latest.differences,
                )
            )


def _infrastructure(connection: Connection, name: EnvironmentName) -> Infrastructure:
    failed = store.latest_report(
        connection, name, "plan", "apply", "drift", "destroy", succeeded=False
    )
    return Infrastructure(
        applied=store.latest_report(connection, name, "apply"),
        checked=store.latest_report(connection, name, "drift"),
        destroyed=store.latest_report(connection, name, "destroy"),
        failed=failed,
    )
