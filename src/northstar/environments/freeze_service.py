"""Setting, changing and lifting release freezes, and letting single projects through."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import JsonValue

from northstar.access.audit.log import Change
from northstar.access.domain import Principal
from northstar.access.service import AccessService
from northstar.clock import Clock
from northstar.database import Database
from northstar.environments import store
from northstar.environments.freezes import (
    Exemption,
    Freeze,
    check_times,
    exempt,
    holding,
    moment,
)
from northstar.errors import Conflict, NotFound
from northstar.names import EndpointRef, EnvironmentName, ProjectRef, Scope
from northstar.project.service import ProjectService

ACTION = "freeze:manage"


class FreezeService:
    """The release freezes of all environments; who changes one needs the right where it holds.

    Args:
        access: decides, and keeps the audit.
    """

    def __init__(
        self, database: Database, clock: Clock, projects: ProjectService, access: AccessService
    ) -> None:
        self._database = database
        self._clock = clock
        self._projects = projects
        self._access = access

    def freezes(
        self, environment: EnvironmentName | None = None, *, ended: bool = False
    ) -> list[Freeze]:
        """The freezes of one environment or of all, by their beginning; ``ended`` ones too."""
        after = None if ended else self._clock.now()
        with self._database.read() as connection:
            return store.list_freezes(connection, environment, after)

    def freeze(self, number: int) -> Freeze:
        """One freeze; raises ``NotFound``, also when it was lifted."""
        with self._database.read() as connection:
            found = store.get_freeze(connection, number)
        if found is None:
            raise _no_such(number)
        return found

    def holding(self, endpoint: EndpointRef) -> Freeze | None:
        """The freeze that keeps everything new from an endpoint now, if one does."""
        return holding(self.freezes(endpoint.environment), endpoint, self._clock.now())

    def set(
        self,
        environment: EnvironmentName,
        squad: str | None,
        reason: str,
        starts_at: datetime | None,
        ends_at: datetime,
        principal: Principal,
    ) -> Freeze:
        """Freeze an environment, for one squad's releases or for all, from now or later on.

        Raises ``NotAllowed``, ``NotFound`` for the squad, ``Invalid`` for the times.
        """
        now = self._clock.now()
        wanted = Freeze(
            id=0,
            environment=environment,
            squad=squad,
            reason=reason,
            starts_at=starts_at or now,
            ends_at=ends_at,
            set_by=principal.id,
            set_at=now,
        )
        self._access.check(principal, ACTION, wanted.scope)
        if squad is not None:
            self._projects.squad(squad)
        check_times(wanted.starts_at, wanted.ends_at, now)
        with self._access.audit.change() as change:
            made = store.add_freeze(change.connection, wanted)
            _record(change, principal, made, "set")
        return made

    def change(
        self,
        number: int,
        principal: Principal,
        reason: str | None = None,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
    ) -> Freeze:
        """Give a freeze another reason, beginning or end; what is ``None`` stays as it is.

        Raises ``NotAllowed``, ``NotFound``, ``Invalid`` for the times.
        """
        self._allowed(number, principal)
        with self._access.audit.change() as change:
            found = store.get_freeze(change.connection, number)
            if found is None:
                raise _no_such(number)
            asked = {"reason": reason, "starts_at": starts_at, "ends_at": ends_at}
            told = {name: value for name, value in asked.items() if value is not None}
            changed = found.model_copy(update=told)
            if (changed.starts_at, changed.ends_at) != (found.starts_at, found.ends_at):
                check_times(changed.starts_at, changed.ends_at, self._clock.now())
            store.save_freeze(change.connection, changed)
            _record(change, principal, changed, "changed")
        return changed

    def lift(self, number: int, principal: Principal) -> None:
        """End a freeze now, or take back one to come; raises ``NotAllowed``, ``NotFound``."""
        self._allowed(number, principal)
        with self._access.audit.change() as change:
            found = store.get_freeze(change.connection, number)
            if found is None:
                raise _no_such(number)  # somebody was faster; it is theirs in the audit
            store.lift_freeze(change.connection, number, principal.id, self._clock.now())
            _record(change, principal, found, "lifted")

    def exempt(
        self, number: int, project: ProjectRef, reason: str, hours: float, principal: Principal
    ) -> Freeze:
        """Let one project release in spite of a freeze, for some hours.

        Gate and approval are as ever. Raises ``NotAllowed``, ``NotFound`` for freeze or project,
        ``Invalid`` for a project that it doesn't hold or too many hours, ``Conflict`` if it has
        ended.
        """
        self._allowed(number, principal)
        self._projects.project(project)
        now = self._clock.now()
        with self._access.audit.change() as change:
            found = store.get_freeze(change.connection, number)
            if found is None:
                raise _no_such(number)
            if found.state(now) == "ended":
                raise Conflict(f"Freeze {number} ended at {moment(found.ends_at)}.")
            exemption = Exemption(
                project=str(project),
                reason=reason,
                until=now + timedelta(hours=hours),
                given_by=principal.id,
                given_at=now,
            )
            changed = exempt(found, exemption)
            store.save_freeze(change.connection, changed)
            told: dict[str, JsonValue] = {"project": str(project), "hours": hours}
            _record(change, principal, changed, "exempted", **{**told, "reason": reason})
        return changed

    def _allowed(self, number: int, principal: Principal) -> Freeze:
        found = self.freeze(number)
        self._access.check(principal, ACTION, found.scope)
        return found


def way_out(freeze: Freeze, endpoint: EndpointRef) -> str:
    """What is possible in spite of a freeze, and who can lift it."""
    where = str(Scope(freeze.squad))
    roles = "release-manager, squad-owner" if freeze.squad else "release-manager, platform-admin"
    return (
        f"{freeze.set_by} set freeze {freeze.id}; who has one of the roles {roles} in {where} can "
        f"lift it, or let one project through: northstar env freeze exempt {freeze.id} "
        f"{endpoint.project_ref} --reason …. Rollbacks are possible all the same."
    )


def _record(
    change: Change, principal: Principal, freeze: Freeze, what: str, **more: JsonValue
) -> None:
    told: dict[str, JsonValue] = {
        "freeze": freeze.id,
        "environment": freeze.environment,
        "starts_at": freeze.starts_at.isoformat(),
        "ends_at": freeze.ends_at.isoformat(),
        "reason": freeze.reason,
        **more,
    }
    change.record(principal.id, f"freeze:{what}", freeze.scope, **told)


def _no_such(number: int) -> NotFound:
    return NotFound(
        f"There is no freeze {number}, or it was lifted.",
        hint="`northstar env freeze list` shows what there is.",
    )
