"""Asking for a role for some hours, deciding on it, and ending it."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from northstar.access import store as access_store
from northstar.access.audit.log import Change
from northstar.access.directory import hold
from northstar.access.domain import Decision, Principal, RoleName, in_scope
from northstar.access.elevation import store
from northstar.access.elevation.domain import (
    UNDECIDED_LASTS,
    Elevation,
    ElevationState,
    check_duration,
    decided,
    ended,
)
from northstar.access.role_giving import end_of
from northstar.access.service import AccessService
from northstar.clock import Clock
from northstar.database import Database
from northstar.errors import Conflict, Invalid, NotFound
from northstar.names import Scope

_MOST_OPEN = 20
_SHOWN = timedelta(days=90)


class ElevationService:
    """Requests for roles; safe to share between threads and replicas.

    Args:
        access: decides who may ask and who may give, and keeps the audit.
    """

    def __init__(self, database: Database, clock: Clock, access: AccessService) -> None:
        self._database = database
        self._clock = clock
        self._access = access

    def request(
        self, who: Principal, role: RoleName, scope: Scope, reason: str, duration: timedelta
    ) -> Elevation:
        """Ask for a role; whoever may give it there can approve it for the next seven days.

        Raises ``Invalid`` for a duration or a reason that won't do, ``NotAllowed`` for a role that
        can't be asked for, ``NotFound`` for a project that is not in a squad that ``who`` may read,
        ``Conflict`` for a role that the principal has or has asked for already.
        """
        seconds = check_duration(duration)
        if not reason.strip():
            raise Invalid(
                "The request gives no reason.", hint="Who decides wants to know: --reason."
            )
        decision = self._access.check(who, "elevation:request", scope, role=role, given_to=who.id)
        if self._access.allowed(who, "squad:read", scope):  # others are not told what there is
            self._access.require_place(scope)
        self._refuse_what_is_held(who, role, scope)
        now = self._clock.now()
        with self._access.audit.change() as change:
            connection = change.connection
            hold(connection, who.id)  # two requests at once are counted one after the other
            waiting = [
                one
                for one in store.since(connection, now - UNDECIDED_LASTS)
                if one.principal == who.id and one.at(now).state == "requested"
            ]
            _refuse_what_waits(waiting, role, scope)
            made = store.add(
                connection,
                principal=who.id,
                role=role,
                scope=str(scope),
                reason=reason.strip(),
                duration_seconds=seconds,
                state="requested",
                requested_at=now,
                remark="",
            )
            _record(change, who, "elevation:request", made, decision, made.reason)
        return made

    def approve(self, who: Principal, elevation: int, remark: str = "") -> Elevation:
        """Give the role from now on for as long as was asked, or as ``who`` may give it.

        Raises ``NotAllowed`` for who may not give it and for who asked, ``NotFound`` for a role in
        a place that there is not, ``WrongState`` when it was decided already.
        """
        return self._decide(who, elevation, "active", remark)

    def reject(self, who: Principal, elevation: int, remark: str) -> Elevation:
        """Refuse the role; raises as ``approve`` does."""
        return self._decide(who, elevation, "rejected", remark)

    def withdraw(self, who: Principal, elevation: int) -> Elevation:
        """Take one's own request back; raises ``NotFound`` for somebody else's, ``WrongState``."""
        if self.get(who, elevation).principal != who.id:
            raise _unknown(elevation)
        with self._access.audit.change() as change:
            asked = _locked(change, elevation, who.id)
            taken_back = decided(asked, "withdrawn", who.id, self._clock.now(), "")
            store.save(change.connection, taken_back)
            _record(change, who, "elevation:withdraw", taken_back)
        return taken_back

    def end(self, who: Principal, elevation: int) -> Elevation:
        """End an elevation before its time: one's own, or one that one might take as any role.

        Raises ``NotAllowed``, or ``WrongState`` unless it is active.
        """
        held = self.get(who, elevation)
        decision = None
        if held.principal != who.id:
            scope = Scope.parse(held.scope)
            decision = self._access.check(who, "role:assign", scope, role=held.role)
        with self._access.directory.change() as change:
            over = ended(_locked(change, elevation, held.principal), who.id, self._clock.now())
            assignment = store.assignment_of(change.connection, elevation)
            if assignment is not None:
                access_store.remove_assignment(change.connection, assignment)
            store.save(change.connection, over)
            _record(change, who, "elevation:end", over, decision)
        return over

    def get(self, who: Principal, elevation: int) -> Elevation:
        """One elevation; raises ``NotFound``, also for one that ``who`` may not see."""
        found = self._get(elevation)
        if not self._may_see(who, found):
            raise _unknown(elevation)
        return found

    def seen_by(self, who: Principal, state: ElevationState | None = None) -> list[Elevation]:
        """One's own of ninety days and those in scopes whose roles one may read, newest first."""
        now = self._clock.now()
        with self._database.read() as connection:
            found = [one.at(now) for one in store.since(connection, now - _SHOWN)]
        return [one for one in found if state in (None, one.state) and self._may_see(who, one)]

    def may_decide(self, who: Principal, elevation: Elevation) -> bool:
        """Whether ``who`` may approve or reject it; for pages and lists."""
        return elevation.state == "requested" and self._access.allowed(
            who, "elevation:decide", Scope.parse(elevation.scope), **_about(elevation)
        )

    def _decide(
        self, who: Principal, elevation: int, to: Literal["active", "rejected"], remark: str
    ) -> Elevation:
        asked = self.get(who, elevation)
        decision = self._check(who, asked)
        if to == "active":
            self._access.require_place(Scope.parse(asked.scope))
        now, latest = self._clock.now(), end_of(self._access, decision)
        with self._access.directory.change() as change:
            asked = _locked(change, elevation, asked.principal)
            settled = decided(asked, to, who.id, now, remark, latest)
            assignment = None
            if to == "active":
                assignment = access_store.add_assignment(
                    change.connection,
                    principal=settled.principal,
                    role=settled.role,
                    scope=settled.scope,
                    expires_at=settled.expires_at,
                    assigned_by=who.id,
                    assigned_at=now,
                ).id
            store.save(change.connection, settled, assignment)
            action = "elevation:approve" if to == "active" else "elevation:reject"
            _record(change, who, action, settled, decision, remark)
        return settled

    def _check(self, who: Principal, elevation: Elevation) -> Decision:
        scope = Scope.parse(elevation.scope)
        return self._access.check(who, "elevation:decide", scope, **_about(elevation))

    def _get(self, elevation: int) -> Elevation:
        with self._database.read() as connection:
            found = store.one(connection, elevation)
        if found is None:
            raise _unknown(elevation)
        return found.at(self._clock.now())

    def _may_see(self, who: Principal, elevation: Elevation) -> bool:
        scope = Scope.parse(elevation.scope)
        return elevation.principal == who.id or self._access.allowed(who, "role:read", scope)

    def _refuse_what_is_held(self, who: Principal, role: RoleName, scope: Scope) -> None:
        for held in self._access.directory.assignments(who.id):
            if held.role == role and in_scope(held.scope, scope):
                until = f" until {held.expires_at:%Y-%m-%d %H:%M} UTC" if held.expires_at else ""
                raise Conflict(f"{who.id} is {role} in {held.scope} already{until}.")


def _locked(change: Change, elevation: int, principal: str) -> Elevation:
    """A principal's elevation, which nobody else changes until the transaction ends."""
    hold(change.connection, principal)
    found = store.one(change.connection, elevation, to_change=True)
    if found is None:  # its principal was deleted, and made again
        raise _unknown(elevation)
    return found


def _record(
    change: Change,
    who: Principal,
    action: str,
    elevation: Elevation,
    decision: Decision | None = None,
    reason: str = "",
) -> None:
    until = elevation.expires_at
    change.record(
        who.id,
        action,
        Scope.parse(elevation.scope),
        request=elevation.id,
        principal=elevation.principal,
        role=elevation.role,
        hours=elevation.duration_seconds / 3600,
        expires_at=until.isoformat() if until else None,
        reason=reason,
        policies=[*decision.reasons] if decision else [],
    )


def _about(elevation: Elevation) -> dict[str, str]:
    who = elevation.principal
    return {"role": elevation.role, "requested_by": who, "given_to": who}


def _refuse_what_waits(waiting: list[Elevation], role: RoleName, scope: Scope) -> None:
    for one in waiting:
        if (one.role, one.scope) == (role, str(scope)):
            raise Conflict(
                f"Request {one.id} for {role} in {scope} waits for an answer already.",
                hint=f"`northstar access withdraw {one.id}` takes it back.",
            )
    if len(waiting) >= _MOST_OPEN:
        raise Conflict(
            f"{_MOST_OPEN} requests of yours wait for an answer already.",
            hint="`northstar access withdraw NUMBER` takes one back.",
        )


def _unknown(elevation: int) -> NotFound:
    return NotFound(
        f"There is no request {elevation}.", hint="`northstar access requests` shows them."
    )
