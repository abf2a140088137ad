"""Gathers what the access page shows: roles in a scope, and requests for roles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from northstar.access.credentials.domain import SOON_DAYS, EndingCredential
from northstar.access.domain import (
    MACHINE_ROLES,
    ROLE_MEANINGS,
    ROLES,
    Principal,
    RoleAssignment,
    RoleName,
    home_of,
)
from northstar.access.elevation.domain import Elevation
from northstar.access.ending_credentials import ending_seen_by
from northstar.names import ProjectRef, Scope
from northstar.platform.web.views import AccessPage, ElevationCard, HolderRow, Holding
from northstar.platform.wiring import Platform

_REQUESTS_SHOWN = 50
_PRINCIPALS_OFFERED = 200
_PEOPLES_ROLES = tuple(role for role in ROLES if role not in MACHINE_ROLES)


class AccessReader:
    """One viewer's look at who may do what; made for one request."""

    def __init__(self, platform: Platform, viewer: Principal) -> None:
        self._platform = platform
        self._access = platform.access
        self._viewer = viewer
        self._answers: dict[tuple[str, Scope, str], bool] = {}

    def page(self, scope: Scope, scopes: Sequence[str]) -> AccessPage:
        """Roles that hold in ``scope`` and below it, or reach into it from above.

        Who may not read the roles of a scope sees their own.
        """
        held = [
            assignment
            for assignment in self._access.directory.assignments(holding_in=scope)
            if assignment.principal == self._viewer.id or self._may_read(assignment.scope)
        ]
        columns = tuple(role for role in ROLES if any(one.role == role for one in held))
        givable = tuple(role for role in _PEOPLES_ROLES if self._may("role:assign", scope, role))
        return AccessPage(
            scope=str(scope),
            scopes=tuple(scopes),
            ending=self._ending(scope),
            columns=columns,
            rows=self._rows(held, columns, scope),
            all_seen=self._may_read(str(scope)),
            givable=givable,
            principals=self._offered() if givable else (),
            askable=tuple(r for r in _PEOPLES_ROLES if self._may("elevation:request", scope, r)),
            requests=self._requests(scope),
            meanings=tuple((role, ROLE_MEANINGS[role]) for role in _PEOPLES_ROLES),
        )

    def scopes(self, projects: Sequence[ProjectRef]) -> tuple[str, ...]:
        """The scopes to choose from: the platform, squads that the viewer sees, and projects."""
        squads = {ref.squad for ref in projects} | {
            squad.name
            for squad in self._platform.projects.squads()
            if self._may("squad:read", Scope(squad.name))
        }
        return (
            "/",
            *sorted([*(f"/{squad}" for squad in squads), *(f"/{ref}" for ref in projects)]),
        )

    def _ending(self, scope: Scope) -> tuple[EndingCredential, ...]:
        found = ending_seen_by(self._access, self._viewer, timedelta(days=SOON_DAYS))
        return tuple(
            one
            for one in found
            if one.principal == self._viewer.id or scope.contains(home_of(one.principal))
        )

    def _rows(
        self, held: Sequence[RoleAssignment], columns: tuple[RoleName, ...], scope: Scope
    ) -> tuple[HolderRow, ...]:
        principals = sorted({one.principal for one in held})
        return tuple(
            HolderRow(
                principal,
                tuple(
                    tuple(
                        self._holding(one, scope)
                        for one in held
                        if (one.principal, one.role) == (principal, role)
                    )
                    for role in columns
                ),
            )
            for principal in principals
        )

    def _holding(self, held: RoleAssignment, scope: Scope) -> Holding:
        where = Scope.parse(held.scope)
        return Holding(
            assignment=held.id,
            scope=held.scope,
            expires_at=held.expires_at,
            assigned_by=held.assigned_by,
            inherited=where != scope and where.contains(scope),
            may_take=self._may("role:assign", where, held.role),
        )

    def _requests(self, scope: Scope) -> tuple[ElevationCard, ...]:
        found = [
            one
            for one in self._platform.elevations.seen_by(self._viewer)
            if scope.contains(Scope.parse(one.scope)) or one.principal == self._viewer.id
        ]
        open_first = sorted(found, key=lambda one: one.state not in ("requested", "active"))
        return tuple(self._request(one) for one in open_first[:_REQUESTS_SHOWN])

    def _request(self, one: Elevation) -> ElevationCard:
        own = one.principal == self._viewer.id
        may_end = own or self._may("role:assign", Scope.parse(one.scope), one.role)
        return ElevationCard(
            id=one.id,
            principal=one.principal,
            role=one.role,
            scope=one.scope,
            reason=one.reason,
            hours=one.duration_seconds / 3600,
            state=one.state,
            requested_at=one.requested_at,
            expires_at=one.expires_at,
            decided_by=one.decided_by,
            remark=one.remark,
            may_decide=self._platform.elevations.may_decide(self._viewer, one),
            may_withdraw=own and one.state == "requested",
            may_end=may_end and one.state == "active",
        )

    def _offered(self) -> tuple[str, ...]:
        """Whom to suggest in the form; whom one may not list, one types."""
        found = self._access.directory.principals()
        people = [one.id for one in found if one.kind in ("user", "service")]
        known = [one for one in people if self._may("principal:read", home_of(one))]
        return tuple(known[:_PRINCIPALS_OFFERED])

    def _may_read(self, scope: str) -> bool:
        return self._may("role:read", Scope.parse(scope))

    def _may(self, action: str, scope: Scope, role: str = "") -> bool:
        key = (action, scope, role)
        if key not in self._answers:
            about = {"role": role} if role else {}
            self._answers[key] = self._access.allowed(self._viewer, action, scope, **about)
        return self._answers[key]
