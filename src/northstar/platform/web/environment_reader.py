"""Gathers what the page of environments shows, as far as its viewer may see it."""

from __future__ import annotations

from northstar.access.domain import Principal
from northstar.clock import SystemClock
from northstar.environments.domain import (
    EnvironmentStatus,
    Infrastructure,
    PolicyFinding,
    difference,
    exposed_by_hand,
)
from northstar.environments.freezes import Freeze
from northstar.names import Scope
from northstar.platform.web.views import EnvironmentCard, FreezeCard
from northstar.platform.wiring import Platform

_REPORTS_SHOWN = 10
_DIFFERENCES_SHOWN = 50


class EnvironmentReader:
    """One viewer's look at the environments; made for one request."""

    def __init__(self, platform: Platform, viewer: Principal) -> None:
        self._platform = platform
        self._viewer = viewer
        self._now = SystemClock().now()

    def page(self) -> tuple[EnvironmentCard, ...]:
        """Every environment."""
        squads = self._freezable()
        return tuple(self._card(one, squads) for one in self._platform.environments.overview())

    def _card(self, one: EnvironmentStatus, squads: tuple[str, ...]) -> EnvironmentCard:
        name, found = one.environment.name, one.infrastructure
        detailed = self._may("monitoring:read", Scope())
        reports = self._platform.environments.reports(name, limit=_REPORTS_SHOWN)
        drift = found.checked if detailed and found.exists else None
        changes = drift.changes if drift else ()
        seen = [freeze.as_seen(self._may) for freeze in one.freezes]
        return EnvironmentCard(
            environment=one.environment,
            infrastructure=found if detailed else found.without_details(),
            state=_state(found),
            freezes=tuple(self._freeze_card(freeze) for freeze in seen if freeze),
            exposed=tuple(exposed_by_hand(drift)[:_DIFFERENCES_SHOWN]) if drift else (),
            differences=tuple(map(difference, changes[:_DIFFERENCES_SHOWN])),
            findings=_findings(found) if detailed else (),
            reports=tuple(reports) if detailed else (),
            detailed=detailed,
            may_describe=self._may("environment:update", Scope()),
            squads=squads,
        )

    def _freeze_card(self, freeze: Freeze) -> FreezeCard:
        holds = freeze.state(self._now) == "in force"
        return FreezeCard(
            freeze=freeze,
            state="frozen" if holds else "freeze-planned",
            exemptions=tuple(one for one in freeze.exemptions if self._now < one.until),
            may_change=self._may("freeze:manage", freeze.scope),
        )

    def _freezable(self) -> tuple[str, ...]:
        everybody = ("",) if self._may("freeze:manage", Scope()) else ()
        squads = (squad.name for squad in self._platform.projects.squads())
        return (*everybody, *(one for one in squads if self._may("freeze:manage", Scope(one))))

    def _may(self, action: str, scope: Scope) -> bool:
        return self._platform.access.allowed(self._viewer, action, scope)


def _state(found: Infrastructure) -> str:
    if not found.exists:
        return "nothing-applied"
    if found.checked and found.checked.differences:
        return "differs"
    if found.overdue_since:
        return "overdue"
    return "as-coded" if found.checked else "unchecked"


def _findings(found: Infrastructure) -> tuple[PolicyFinding, ...]:
    """What policies said at the last report that held the environment against them."""
    told = [one for one in (found.applied, found.checked) if one and one.findings]
    latest = max(told, key=lambda report: report.at, default=None)
    return latest.findings if latest else ()
