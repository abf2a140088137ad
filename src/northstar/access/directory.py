"""The directory: principals, their secrets and roles, held parsed until something changes."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from northstar.access import client_secrets, store
from northstar.access.decisions import PolicyBook, Rights
from northstar.access.domain import (
    PLATFORM,
    Grant,
    Identity,
    Principal,
    PrincipalKind,
    RoleAssignment,
    RoleName,
    Secret,
    principal_of,
)
from northstar.clock import Clock
from northstar.database import Database
from northstar.errors import Conflict, Denied, NotFound
from northstar.names import Scope

_LOOK_AGAIN_SECONDS = 1.0


@dataclass
class _Snapshot:
    revision: int
    principals: dict[str, Principal]
    assignments: dict[str, list[RoleAssignment]]
    good_until: datetime | None  # when the next assignment expires
    rights: dict[str, Rights] = field(default_factory=dict)


class Directory:
    """Who there is and what roles they have.

    A change made here holds at once; one made by another replica within a second.
    """

    def __init__(self, database: Database, clock: Clock, book: PolicyBook) -> None:
        self._database = database
        self._clock = clock
        self._book = book
        self._lock = threading.RLock()
        self._snapshot: _Snapshot | None = None
        self._looked_at = 0.0  # by the monotonic clock

    def find(self, principal: str) -> Principal | None:
        """The principal with this id, if there is one."""
        if principal == PLATFORM.id:
            return PLATFORM
        if found := self._current().principals.get(principal):
            return found
        with self._lock:  # another replica may have made it a moment ago
            self._looked_at = -math.inf
        return self._current().principals.get(principal)

    def get(self, principal: str) -> Principal:
        """The principal with this id; raises ``NotFound``."""
        if found := self.find(principal):
            return found
        raise NotFound(
            f"There is no principal {principal!r}.",
            hint="`northstar principal list` shows them; ids look like user:anna or service:ci.",
        )

    def principals(self) -> list[Principal]:
        """Everybody, by id; not the control plane itself."""
        return list(self._current().principals.values())

    def rights(self, principal: str) -> Rights:
        """What the principal may do now."""
        snapshot = self._current()
        rights = snapshot.rights.get(principal)
        if rights is None:
            rights = self._book.rights(snapshot.assignments.get(principal, []))
            snapshot.rights[principal] = rights
        return rights

    def assignments(self, principal: str | None = None) -> list[RoleAssignment]:
        """The role assignments that hold now, of one principal or of all."""
        held = self._current().assignments
        if principal is not None:
            return list(held.get(principal, []))
        return sorted((a for of_one in held.values() for a in of_one), key=lambda a: a.id)

    def identity(self, principal: Principal) -> Identity:
        """A principal with its roles."""
        return Identity(principal=principal, assignments=self.assignments(principal.id))

    def create(self, kind: PrincipalKind, name: str, by: str) -> Secret:
        """Create a principal with a first secret; raises ``Conflict`` when there is one."""
        principal = principal_of(kind, name)
        now = self._clock.now()
        with self.change() as connection:
            if not store.add_principal(connection, principal, by, now):
                raise Conflict(
                    f"{principal.id} exists already.",
                    hint="Give it another secret with `northstar principal secret`.",
                )
            secret = client_secrets.new_secret(connection, principal.id, now)
        return Secret(client_id=principal.id, client_secret=secret)

    def ensure(self, principal: Principal, grants: tuple[Grant, ...]) -> Principal:
        """Make sure that a principal exists and has these roles; idempotent."""
        now = self._clock.now()
        with self.change() as connection:
            store.add_principal(connection, principal, PLATFORM.id, now)
            held = {
                (assignment.role, assignment.scope)
                for assignment in store.all_assignments(connection)
                if assignment.principal == principal.id and assignment.expires_at is None
            }
            for grant in grants:
                if (grant.role, grant.scope) not in held:
                    store.add_assignment(
                        connection,
                        principal=principal.id,
                        role=grant.role,
                        scope=grant.scope,
                        expires_at=None,
                        assigned_by=PLATFORM.id,
                        assigned_at=now,
                    )
        return principal

    def new_secret(
        self, principal: str, *, label: str = "", older_end_after: timedelta | None = None
    ) -> Secret:
        """One more secret for a principal.

        Args:
            older_end_after: when given, its other secrets of this label end after that time.
        """
        self.get(principal)
        if principal == PLATFORM.id:
            raise Denied("The control plane has no secret; it signs its own tokens.")
        now = self._clock.now()
        with self._database.begin() as connection:
            if older_end_after is not None:
                client_secrets.end_secrets(connection, principal, now + older_end_after, label)
            secret = client_secrets.new_secret(connection, principal, now, label=label)
        return Secret(client_id=principal, client_secret=secret)

    def secret_is_good(self, principal: str, secret: str) -> bool:
        """Whether the principal exists and the secret is one of its own."""
        with self._database.read() as connection:
            return client_secrets.secret_is_good(connection, principal, secret, self._clock.now())

    def delete(self, principal: str) -> None:
        """Remove a principal with its secrets, roles and sessions; its tokens stop working."""
        self.get(principal)
        if principal == PLATFORM.id:
            raise Denied("The control plane can't remove itself.")
        with self.change() as connection:
            store.remove_principal(connection, principal)

    def assign(
        self,
        principal: str,
        role: RoleName,
        scope: Scope,
        by: str,
        expires_at: datetime | None = None,
    ) -> RoleAssignment:
        """Give a principal a role in a scope, until ``expires_at`` or until it is revoked."""
        self.get(principal)
        if principal == PLATFORM.id:
            raise Denied("The control plane needs no role.")
        with self.change() as connection:
            return store.add_assignment(
                connection,
                principal=principal,
                role=role,
                scope=str(scope),
                expires_at=expires_at,
                assigned_by=by,
                assigned_at=self._clock.now(),
            )

    def assignment(self, assignment: int) -> RoleAssignment:
        """One role assignment that holds now; raises ``NotFound``."""
        for held in self.assignments():
            if held.id == assignment:
                return held
        raise NotFound(
            f"There is no role assignment {assignment}.", hint="See `northstar role list`."
        )

    def revoke(self, assignment: int) -> None:
        """Take a role away."""
        with self.change() as connection:
            store.remove_assignment(connection, assignment)

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """A transaction that changes principals or roles; what it did holds when it ends."""
        try:
            with self._database.begin() as connection:
                yield connection
        finally:
            self.forget()

    def forget(self) -> None:
        """Read everything anew at the next question."""
        with self._lock:
            self._snapshot = None

    def _current(self) -> _Snapshot:
        now = self._clock.now()
        with self._lock:
            snapshot = self._snapshot
            if snapshot and not (snapshot.good_until and snapshot.good_until <= now):
                if self._clock.monotonic() - self._looked_at < _LOOK_AGAIN_SECONDS:
                    return snapshot
                with self._database.read() as connection:
                    if store.read_revision(connection) == snapshot.revision:
                        self._looked_at = self._clock.monotonic()
                        return snapshot
            self._snapshot = self._read(now)
            self._looked_at = self._clock.monotonic()
            return self._snapshot

    def _read(self, now: datetime) -> _Snapshot:
        with self._database.read() as connection:
            revision = store.read_revision(connection)
            principals = {p.id: p for p in store.all_principals(connection)}
            everything = store.all_assignments(connection)
        held: dict[str, list[RoleAssignment]] = {}
        ends: list[datetime] = []
        for assignment in everything:
            if assignment.expires_at is None or assignment.expires_at > now:
                held.setdefault(assignment.principal, []).append(assignment)
                if assignment.expires_at:
                    ends.append(assignment.expires_at)
        return _Snapshot(revision, principals, held, min(ends, default=None))
