"""Gathers what a page shows from the services, as far as its viewer may see it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from northstar.access.domain import AuditEntry, AuditQuery, Principal
from northstar.errors import Invalid
from northstar.monitoring.domain import Alert, AlertKind, AlertState
from northstar.names import ENVIRONMENTS, EndpointRef, EnvironmentName, ProjectRef, Scope
from northstar.platform.web import cards
from northstar.platform.web.charts import compare, forest
from northstar.platform.web.metering import metering
from northstar.platform.web.views import (
    AlertCard,
    AuditFilter,
    EndpointCard,
    Happening,
    Judged,
    Overview,
    ProjectPage,
    ProjectRow,
    ReleaseCard,
    SquadSection,
    VersionPage,
    VersionRow,
)
from northstar.platform.wiring import Platform
from northstar.registry.domain import VersionRecord
from northstar.release.domain import Release

PROJECT_READS = (
    "project:read",
    "version:read",
    "endpoint:read",
    "release:read",
    "monitoring:read",
    "job:read",
)
"""What a viewer must be allowed to see a project's pages, and the project in lists."""

_STATES: dict[str, tuple[AlertState | None, ...]] = {
    "unresolved": ("open", "acknowledged"),
    "open": ("open",),
    "acknowledged": ("acknowledged",),
    "resolved": ("resolved",),
    "all": (None,),
}
_VERSIONS_SHOWN = 50
_RELEASES_SHOWN = 20
_ALERTS_SHOWN = 5
_ALERTS_ON_A_PAGE = 100
_JOBS_SHOWN = 10
_DEEDS_SHOWN = 10
_DEEDS_LOOKED_THROUGH = 200


class Reader:
    """One viewer's look at the platform; made for one request."""

    def __init__(self, platform: Platform, viewer: Principal) -> None:
        self._platform = platform
        self._viewer = viewer
        self._answers: dict[tuple[str, Scope], bool] = {}

    def overview(self) -> Overview:
        """The front page."""
        alerts = self._alerts("unresolved")
        return Overview(
            squads=self._squads(alerts),
            waiting=tuple(cards.release_card(release) for release in self._waiting()),
            alerts=tuple(
                cards.alert_card(alert, may_manage=False)
                for alert in alerts
                if alert.state == "open"
            ),
            activity=self._activity(),
        )

    def counts(self) -> tuple[int, int]:
        """How many releases wait, and how many alerts are open."""
        return len(self._waiting()), len(self._alerts("open"))

    def project(self, ref: ProjectRef, environment: EnvironmentName) -> ProjectPage:
        """A project's page; raises ``NotFound``."""
        platform, endpoint = self._platform, EndpointRef(ref.squad, ref.project, environment)
        found = platform.projects.project(ref)
        records = platform.registry.list(ref)
        live = platform.registry.aliases(ref)
        latest = records[0] if records else None
        releases = self._releases(ref)
        alerts = platform.monitoring.alerts(endpoint)
        return ProjectPage(
            ref=ref,
            description=found.description,
            environment=environment,
            endpoints=self._endpoints(ref),
            metering=metering(
                platform.monitoring.status(endpoint), platform.monitoring.windows(endpoint), alerts
            ),
            alerts=tuple(self._alert_card(alert) for alert in _of_interest(alerts)),
            versions=tuple(
                VersionRow(record, tuple(e for e in ENVIRONMENTS if live.get(e) == record.version))
                for record in records[:_VERSIONS_SHOWN]
            ),
            older_versions=max(0, len(records) - _VERSIONS_SHOWN),
            releases=tuple(self._release_card(one) for one in releases[:_RELEASES_SHOWN]),
            latest=latest,
            judged=self._judged(latest, environment, releases) if latest else None,
            comparisons=compare(latest.evidence) if latest else (),
            jobs=tuple(cards.job_line(job) for job in platform.jobs.of_project(ref)[:_JOBS_SHOWN]),
        )

    def version(self, ref: ProjectRef, number: int, environment: EnvironmentName) -> VersionPage:
        """A version's page; raises ``NotFound``."""
        record = self._platform.registry.get(ref, number)
        releases = [one for one in self._releases(ref) if one.version == number]
        return VersionPage(
            ref=ref,
            record=record,
            environment=environment,
            judged=self._judged(record, environment, releases),
            comparisons=compare(record.evidence),
            forest=forest(record.evidence, record.classes),
            releases=tuple(self._release_card(one) for one in releases),
        )

    def approvals(self) -> tuple[ReleaseCard, ...]:
        """The releases that wait, with what the viewer needs to decide on them."""
        return tuple(
            cards.release_card(
                release,
                record=self._platform.registry.get(release.endpoint.project_ref, release.version),
                why_not=self._why_not(release),
                may_reject=self._may("release:reject", release.endpoint.scope),
            )
            for release in self._waiting()
        )

    def alerts(self, state: str, kind: AlertKind | None, project: str) -> tuple[AlertCard, ...]:
        """The newest alerts under a filter; ``state`` may be ``unresolved`` or ``all``."""
        found = [
            alert
            for alert in self._alerts(state, kind)
            if not project or (alert.ref and str(alert.ref.project_ref) == project)
        ]
        return tuple(self._alert_card(alert) for alert in found[:_ALERTS_ON_A_PAGE])

    def projects(self) -> tuple[ProjectRef, ...]:
        """The projects that the viewer may see."""
        found = (project.ref for project in self._platform.projects.projects())
        return tuple(ref for ref in found if self._sees(ref))

    def audit(self, wanted: AuditFilter, before: int | None, limit: int) -> list[AuditEntry]:
        """Audit entries, newest first; raises ``NotAllowed`` where the viewer may not read them."""
        within = Scope.parse(wanted.scope) if wanted.scope else self.audit_scope() or Scope()
        self._platform.access.check(self._viewer, "audit:read", within)
        query = AuditQuery(
            scope=str(within),
            principal=wanted.principal or None,
            action=wanted.action or None,
            without=wanted.without or None,
            outcome=wanted.outcome or None,
            since=_midnight(wanted.since),
            until=_midnight(wanted.until, days_later=1),
            before=before,
            limit=limit,
        )
        return self._platform.access.audit.entries(query)

    def audit_scope(self) -> Scope | None:
        """The widest scope whose audit the viewer may read, if there is one."""
        squads = (Scope(squad.name) for squad in self._platform.projects.squads())
        scopes = (Scope(), *squads, *(Scope(ref.squad, ref.project) for ref in self.projects()))
        return next((scope for scope in scopes if self._may("audit:read", scope)), None)

    def _squads(self, alerts: Sequence[Alert]) -> tuple[SquadSection, ...]:
        seen = self.projects()
        sections = []
        for squad in self._platform.projects.squads():
            own = [ref for ref in seen if ref.squad == squad.name]
            if own or self._may("squad:read", Scope(squad.name)):
                rows = tuple(self._project_row(ref, alerts) for ref in own)
                sections.append(SquadSection(squad.name, squad.description, rows))
        return tuple(sections)

    def _project_row(self, ref: ProjectRef, alerts: Sequence[Alert]) -> ProjectRow:
        return ProjectRow(
            ref=ref,
            description=self._platform.projects.project(ref).description,
            endpoints=self._endpoints(ref),
            unresolved_alerts=sum(
                bool(alert.ref and alert.ref.project_ref == ref) for alert in alerts
            ),
        )

    def _endpoints(self, ref: ProjectRef) -> tuple[EndpointCard, ...]:
        known = set(self._platform.endpoints.endpoints(ref))
        refs = [EndpointRef(ref.squad, ref.project, environment) for environment in ENVIRONMENTS]
        return tuple(
            cards.endpoint_card(one, self._platform.endpoints.view(one) if one in known else None)
            for one in refs
        )

    def _releases(self, ref: ProjectRef) -> list[Release]:
        """A project's releases in all environments, newest first."""
        found = [
            release
            for environment in ENVIRONMENTS
            for release in self._platform.releases.releases(
                EndpointRef(ref.squad, ref.project, environment)
            )
        ]
        return sorted(found, key=lambda release: release.created_at, reverse=True)

    def _release_card(self, release: Release) -> ReleaseCard:
        seen = self._platform.releases.view(release.endpoint, release.id)
        return cards.release_card(seen.release, seen.events, outlook=seen.outlook)

    def _judged(
        self, record: VersionRecord, environment: EnvironmentName, releases: Sequence[Release]
    ) -> Judged:
        """The verdict on which a version was released, or the one it would get now.

        A verdict of now on what went live earlier would mislead: it is held against another live
        version than it was then.
        """
        for release in releases:
            same = (release.version, release.environment) == (record.version, environment)
            if same and release.verdict:
                return Judged(release.verdict, cards.release_card(release))
        ref = record.project_ref
        return Judged(self._platform.standards.gate(ref, record.version, environment), None)

    def _alert_card(self, alert: Alert) -> AlertCard:
        return cards.alert_card(alert, self._may("alert:manage", alert.scope))

    def _waiting(self) -> list[Release]:
        return [
            release
            for release in self._platform.releases.waiting()
            if self._sees(release.endpoint.project_ref)
        ]

    def _alerts(self, state: str, kind: AlertKind | None = None) -> list[Alert]:
        found = [
            alert
            for exact in _STATES[state]
            for alert in self._platform.monitoring.alerts(state=exact, kind=kind)
            if self._sees_alert(alert)
        ]
        return sorted(found, key=lambda alert: alert.id, reverse=True)

    def _activity(self) -> tuple[Happening, ...]:
        told: list[Happening] = []
        for entry in self._platform.access.audit.entries(AuditQuery(limit=_DEEDS_LOOKED_THROUGH)):
            if len(told) == _DEEDS_SHOWN:
                break
            found = cards.deed(entry)
            if found and self._may("audit:read", Scope.parse(entry.scope)):
                told.append(found)
        return tuple(told)

    def _why_not(self, release: Release) -> str:
        if objection := self._platform.releases.objection(release, self._viewer):
            return f"{objection[0].upper()}{objection[1:]}."
        decision = self._platform.access.decide(
            self._viewer, "release:approve", release.endpoint.scope, **release.authors
        )
        if decision.allowed:
            hold = self._platform.releases.hold(release.endpoint)
            return hold.reason if hold else ""
        return "You have no role here that may approve: approver, squad-owner or platform-admin."

    def _sees_alert(self, alert: Alert) -> bool:
        if alert.ref is None:
            return self._may("monitoring:read", alert.scope)
        return self._sees(alert.ref.project_ref)

    def _sees(self, ref: ProjectRef) -> bool:
        scope = Scope(ref.squad, ref.project)
        return all(self._may(action, scope) for action in PROJECT_READS)

    def _may(self, action: str, scope: Scope) -> bool:
        key = (action, scope)
        if key not in self._answers:
            self._answers[key] = self._platform.access.allowed(self._viewer, action, scope)
        return self._answers[key]


def _of_interest(alerts: Sequence[Alert]) -> list[Alert]:
    """What is not resolved, else the last ones that were."""
    unresolved = [alert for alert in alerts if alert.state != "resolved"]
    return unresolved or list(alerts[:_ALERTS_SHOWN])


def _midnight(day: str, days_later: int = 0) -> datetime | None:
    """The first moment of a day (UTC); raises ``Invalid`` for a day that there never was."""
    if not day:
        return None
    try:
        return datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=days_later)
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{day!r} is not a day.", hint="Write it like 2026-03-31.") from error
