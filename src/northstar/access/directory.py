"""The directory: principals, their secrets and roles, held parsed until something changes."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import JsonValue
from sqlalchemy import Connection

from northstar.access import client_secrets, store
from northstar.access.audit.log import AuditLog, Change
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
    home_of,
    principal_of,
)
from northstar.clock import Clock
from northstar.database import Database, about_to_wait
from northstar.errors import Conflict, Denied, NotFound
from northstar.names import Scope

_LOOK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True)
class _Known:
    """What one principal has; read when it first asks, kept until something changes."""

    principal: Principal
    assignments: list[RoleAssignment]
    rights: Rights
    good_until: datetime | None  # when the next assignment expires
    revoked_at: float  # seconds since 1970; what was issued until then holds no more


@dataclass
class _Generation:
    """Everything that is known as of one revision of principals and roles.

    What was read before a change is kept in the generation of then, which nobody asks any more.
    """

    revision: int
    looked_at: float  # by the monotonic clock; -inf: look before the next answer
    known: dict[str, _Known] = field(default_factory=dict)


class Directory:
    """Who there is and what roles they have.

    A change made here holds at once, an expiry at its moment, and a change made by another
    replica within a second: that often the revision, one row, is read again. Whatever changes is
    recorded with the change, as the deed of ``by``; ``policies`` are those that allowed it.
    """

    def __init__(self, database: Database, clock: Clock, book: PolicyBook, audit: AuditLog) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit
        self._book = book
        self._platform = book.platform_rights()
        self._lock = threading.RLock()
        self._generation = _Generation(-1, -math.inf)

    def find(self, principal: str) -> Principal | None:
        """The principal with this id, if there is one."""
        if principal == PLATFORM.id:
            return PLATFORM
        known = self._known(principal)
        return known.principal if known else None

    def get(self, principal: str) -> Principal:
        """The principal with this id; raises ``NotFound``."""
        if found := self.find(principal):
            return found
        raise no_principal(principal)

    def principals(self) -> list[Principal]:
        """Everybody, by id; not the control plane itself."""
        with self._database.read() as connection:
            return store.all_principals(connection)

    def rights(self, principal: str) -> Rights:
        """What the principal may do now."""
        if principal == PLATFORM.id:
            return self._platform
        known = self._known(principal)
        return known.rights if known else self._book.rights([])

    def assignments(
        self, principal: str | None = None, holding_in: Scope | None = None
    ) -> list[RoleAssignment]:
        """The role assignments that hold now.

        Args:
            principal: only of this one.
            holding_in: only those that give a right somewhere in this scope: made there, below
                it, or above it.
        """
        if principal is not None:
            known = self._known(principal)
            found = known.assignments if known else []
        else:
            with self._database.read() as connection:
                found = store.all_assignments(connection)
            found = _still_good(found, self._clock.now())
        return [a for a in found if holding_in is None or _touches(a.scope, holding_in)]

    def identity(self, principal: Principal) -> Identity:
        """A principal with its roles."""
        return Identity(principal=principal, assignments=self.assignments(principal.id))

    def create(
        self,
        kind: PrincipalKind,
        name: str,
        by: str,
        *,
        with_secret: bool = True,
        lasts: timedelta | None = None,
        policies: Sequence[str] = (),
    ) -> Secret:
        """Create a principal with a first secret; raises ``Conflict`` when there is one.

        Without a secret it has to prove itself in another way; the one returned is empty then.

        Args:
            lasts: when given, the secret ends after that time.
        """
        principal = principal_of(kind, name)
        fresh = client_secrets.NewSecret() if with_secret else None
        now, secret = self._clock.now(), ""
        ends_at = now + lasts if lasts is not None and fresh else None
        with self.change() as change:
            if not store.add_principal(change.connection, principal, by, now):
                raise Conflict(
                    f"{principal.id} exists already.",
                    hint="Give it another secret with `northstar principal secret`.",
                )
            if fresh:
                secret = fresh.keep(change.connection, principal.id, now, expires_at=ends_at)
                note_key(change.connection, principal.id, by)
            told: dict[str, JsonValue] = {"principal": principal.id, "policies": [*policies]}
            told |= {"credential": credential_name(secret)} if secret else {}
            change.record(by, "principal:create", home_of(principal.id), **told)
        return Secret(client_id=principal.id, client_secret=secret, expires_at=ends_at)

    def ensure(self, principal: Principal, grants: tuple[Grant, ...]) -> Principal:
        """Make sure that a principal exists and has these roles; idempotent."""
        now = self._clock.now()
        with self.change() as change:
            if store.add_principal(change.connection, principal, PLATFORM.id, now):
                change.record(PLATFORM.id, "principal:create", Scope(), principal=principal.id)
            held = {
                (assignment.role, assignment.scope)
                for assignment in store.assignments_of(change.connection, principal.id)
                if assignment.expires_at is None
            }
            for grant in grants:
                if (grant.role, grant.scope) not in held:
                    add_role(change, principal.id, grant, PLATFORM.id, now)
        return principal

    def new_secret(
        self,
        principal: str,
        by: str,
        *,
        label: str = "",
        lasts: timedelta | None = None,
        older_end_after: timedelta | None = None,
        started_by: str = "",
        policies: Sequence[str] = (),
    ) -> Secret:
        """One more secret for a principal; raises ``Conflict`` when it has too many.

        Args:
            label: what the platform makes it for; empty for one that somebody asked for.
            lasts: when given, it ends after that time.
            older_end_after: when given, its other secrets of this label end after that time.
            started_by: who started the process that the platform makes it for.
        """
        self.get(principal)
        if principal == PLATFORM.id:
            raise Denied("The control plane has no secret; it signs its own tokens.")
        fresh, now = client_secrets.NewSecret(), self._clock.now()
        with self._audit.change() as change:
            connection = change.connection
            hold(connection, principal)
            if older_end_after is not None:
                ends = now + older_end_after
                client_secrets.end_secrets(connection, principal, now, ends, label)
            ends_at = None if lasts is None else now + lasts
            secret = fresh.keep(connection, principal, now, label, ends_at, started_by)
            note_key(connection, principal, by)
            told = {"principal": principal, "credential": credential_name(secret), "label": label}
            if started_by:
                told["started_by"] = started_by
            change.record(by, "principal:secret", home_of(principal), **told, policies=[*policies])
        return Secret(client_id=principal, client_secret=secret, expires_at=ends_at)

    def secret_is_good(self, principal: str, secret: str) -> bool:
        """Whether the principal exists and the secret is one of its own; slow on purpose."""
        kept = self.held_secret(principal, client_secrets.number_of(secret))
        good = client_secrets.is_good(secret, kept or client_secrets.NOBODY)
        return good and kept is not None

    def held_secret(self, principal: str, number: int | None) -> client_secrets.Kept | None:
        """What is kept of a principal's secret, unless it has ended or was withdrawn."""
        if number is None:
            return None
        with self._database.read() as connection:
            return client_secrets.live(connection, principal, number, self._clock.now())

    def delete(self, principal: str, by: str, policies: Sequence[str] = ()) -> None:
        """Remove a principal with its secrets, roles and sessions; its tokens stop working.

        Raises ``NotFound``, and ``Conflict`` for the last lasting administrator.
        """
        self.get(principal)
        if principal == PLATFORM.id:
            raise Denied("The control plane can't remove itself.")
        with self.change() as change, _not_the_last_administrator(change.connection, principal):
            hold(change.connection, principal)
            store.remove_principal(change.connection, principal, self._clock.now())
            told: dict[str, JsonValue] = {"principal": principal, "policies": [*policies]}
            change.record(by, "principal:delete", home_of(principal), **told)

    def revoke_tokens(self, principal: str, by: str, policies: Sequence[str] = ()) -> None:
        """End everything that was issued to a principal until now: tokens and web sessions."""
        self.get(principal)
        if principal == PLATFORM.id:
            raise Denied("The control plane's tokens end with its key: `northstar access rotate`.")
        with self.change() as change:
            hold(change.connection, principal)
            store.revoke_tokens(change.connection, principal, self._clock.now())
            told: dict[str, JsonValue] = {"principal": principal, "policies": [*policies]}
            change.record(by, "principal:revoke", home_of(principal), **told)

    def issued_since_revocation(self, principal: str, issued_at: float) -> bool:
        """Whether a token of this age was issued after the last revocation of its principal."""
        known = self._known(principal)
        return known is None or issued_at > known.revoked_at

    def revoked_within(self, seconds: float) -> dict[str, float]:
        """The revocations of the last ``seconds``: by principal, in seconds since 1970."""
        since = self._clock.now() - timedelta(seconds=seconds)
        with self._database.read() as connection:
            return {
                who: at.timestamp() for who, at in store.revoked_since(connection, since).items()
            }

    def assign(
        self,
        principal: str,
        role: RoleName,
        scope: Scope,
        by: str,
        expires_at: datetime | None = None,
        policies: Sequence[str] = (),
    ) -> RoleAssignment:
        """Give a principal a role in a scope, until ``expires_at`` or until it is revoked."""
        self.get(principal)
        if principal == PLATFORM.id:
            raise Denied("The control plane needs no role.")
        grant = Grant(role=role, scope=str(scope))
        with self.change() as change:
            hold(change.connection, principal)
            return add_role(
                change, principal, grant, by, self._clock.now(), expires_at, policies=[*policies]
            )

    def assignment(self, assignment: int) -> RoleAssignment:
        """One role assignment that holds now; raises ``NotFound``."""
        for held in self.assignments():
            if held.id == assignment:
                return held
        raise no_assignment(assignment)

    def revoke(self, assignment: int, by: str, policies: Sequence[str] = ()) -> None:
        """Take a role away; raises ``Conflict`` for the last lasting administrator's, and
        ``NotFound`` where nobody has it any more.
        """
        held = f"Assignment {assignment}"
        with self.change() as change, _not_the_last_administrator(change.connection, held):
            if not remove_role(change, assignment, by, policies=[*policies]):
                raise no_assignment(assignment)

    @contextmanager
    def change(self) -> Iterator[Change]:
        """A transaction that changes principals or roles; what it did holds when it ends."""
        try:
            with self._audit.change() as change:
                yield change
        finally:
            self.forget()

    def forget(self) -> None:
        """Look before the next answer whether principals or roles have changed."""
        with self._lock:
            self._generation.looked_at = -math.inf

    def _known(self, principal: str) -> _Known | None:
        generation = self._current()
        known = generation.known.get(principal)
        if known and not (known.good_until and known.good_until <= self._clock.now()):
            return known
        known = self._read(principal)
        if known:  # who is not known yet may be made by another replica at any moment
            generation.known[principal] = known
        return known

    def _current(self) -> _Generation:
        generation = self._generation
        if self._clock.monotonic() - generation.looked_at < _LOOK_AGAIN_SECONDS:
            return generation
        about_to_wait()
        with self._lock:
            looked_at = self._clock.monotonic()
            with self._database.read() as connection:
                revision = store.read_revision(connection)
            if revision != self._generation.revision:
                self._generation = _Generation(revision, looked_at)
            self._generation.looked_at = looked_at
            return self._generation

    def _read(self, principal: str) -> _Known | None:
        with self._database.read() as connection:
            found = store.one_principal(connection, principal)
            held = store.assignments_of(connection, principal) if found else []
            revoked = store.tokens_revoked_at(connection, principal)
        if found is None:
            return None
        held = _still_good(held, self._clock.now())
        ends = [assignment.expires_at for assignment in held if assignment.expires_at]
        return _Known(
            found,
            held,
            self._book.rights(held),
            min(ends, default=None),
            revoked.timestamp() if revoked else -math.inf,
        )


def hold(connection: Connection, principal: str) -> None:
    """Keep a principal from being removed until the transaction ends; raises ``NotFound``.

    It comes before whatever else the transaction locks of what hangs on the principal, so that a
    removal, which begins with the principal as well, waits or is waited for.
    """
    if not store.hold_principal(connection, principal):
        raise no_principal(principal)


def note_key(connection: Connection, principal: str, by: str) -> None:
    """Remember who made a credential of a service that is somebody else."""
    if principal.startswith("service:") and by not in (principal, PLATFORM.id):
        store.note_key_maker(connection, principal, by)


def add_role(
    change: Change,
    principal: str,
    grant: Grant,
    by: str,
    at: datetime,
    expires_at: datetime | None = None,
    action: str = "role:assign",
    **more: JsonValue,
) -> RoleAssignment:
    """Give a role in a change, and record it with ``more``."""
    made = store.add_assignment(
        change.connection,
        principal=principal,
        role=grant.role,
        scope=grant.scope,
        expires_at=expires_at,
        assigned_by=by,
        assigned_at=at,
    )
    change.record(by, action, Scope.parse(made.scope), **_told(made), **more)
    return made


def remove_role(change: Change, assignment: int, by: str, **more: JsonValue) -> bool:
    """Take a role away in a change, and record it; returns whether it was there."""
    gone = store.remove_assignment(change.connection, assignment)
    if gone is None:
        return False
    change.record(by, "role:revoke", Scope.parse(gone.scope), **_told(gone), **more)
    return True


def credential_name(secret: str) -> str:
    """What the audit calls a secret, which is not the secret."""
    return f"secret {client_secrets.number_of(secret)}"


def no_principal(principal: str) -> NotFound:
    """What is said of somebody who is not there."""
    return NotFound(
        f"There is no principal {principal!r}.",
        hint="`northstar principal list` shows them; ids look like user:anna or service:ci.",
    )


def no_assignment(assignment: int) -> NotFound:
    """What is said of a role that nobody has."""
    return NotFound(f"There is no role assignment {assignment}.", hint="See `northstar role list`.")


def _told(assignment: RoleAssignment) -> dict[str, JsonValue]:
    expires = assignment.expires_at
    return {
        "assignment": assignment.id,
        "principal": assignment.principal,
        "role": assignment.role,
        "expires_at": expires.isoformat() if expires else None,
    }


def _still_good(found: list[RoleAssignment], now: datetime) -> list[RoleAssignment]:
    return [a for a in found if a.expires_at is None or a.expires_at > now]


def _touches(held_in: str, wanted: Scope) -> bool:
    scope = Scope.parse(held_in)
    return scope.contains(wanted) or wanted.contains(scope)


@contextmanager
def _not_the_last_administrator(connection: Connection, what: str) -> Iterator[None]:
    """Raise ``Conflict`` when the block leaves nobody who is an administrator for good.

    Whoever changes roles waits for the row of the revision, so that two who remove each other
    do not both succeed.
    """
    there_was_one = store.has_a_lasting_administrator(connection)
    yield
    if there_was_one and not store.has_a_lasting_administrator(connection):
        raise Conflict(
            f"{what} can't go: nobody would be left to administer the platform.",
            hint="Make somebody else an administrator first: "
            "`northstar role assign PRINCIPAL platform-admin /`.",
        )
