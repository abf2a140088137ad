"""Signing in to the web pages: a link that works once becomes a session in a cookie."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from pydantic import JsonValue
from sqlalchemy import Connection, delete, insert, select

from northstar.access import store
from northstar.access.audit.log import AuditLog, Change
from northstar.access.directory import hold
from northstar.access.errors import BadCredentials
from northstar.clock import Clock
from northstar.database import Database
from northstar.names import Scope

COOKIE = "northstar_session"
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
SESSION_SECONDS = 12 * 3600
LINK_SECONDS = 3600


class Sessions:
    """Makes and redeems sign-in codes, and knows whose session a cookie is.

    Codes and cookies are random and kept as SHA-256 only. What begins and ends is recorded.
    """

    def __init__(self, database: Database, clock: Clock, audit: AuditLog) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit

    def new_code(self, principal: str, by: str, proven_at: datetime | None = None) -> str:
        """A code that signs ``principal`` in once, within ``LINK_SECONDS``; raises ``NotFound``.

        Args:
            proven_at: when somebody proved to be the principal, who now asks for it: the session
                is no fresher a proof than that.
        """
        now = self._clock.now()
        with self._audit.change() as change:
            hold(change.connection, principal)
            issued_at = proven_at or now
            code = _keep(change.connection, "link", principal, now, issued_at, LINK_SECONDS)
            told = {"principal": principal, "link": fingerprint(code)}
            change.record(by, "session:create", Scope(), **told)
        return code

    def start(
        self,
        change: Change,
        principal: str,
        issued_at: datetime,
        replaces: str,
        **detail: JsonValue,
    ) -> str:
        """A new session, in a change of the caller's; returns the cookie's value.

        Args:
            issued_at: when what proved the principal was made.
            replaces: the cookie of the session that the browser had, which ends.
            detail: more for the record.
        """
        connection, now = change.connection, self._clock.now()
        if replaces:
            _end(change, replaces)
        connection.execute(delete(store.sessions).where(store.sessions.c.expires_at < now))
        cookie = _keep(connection, "session", principal, now, issued_at, SESSION_SECONDS)
        told = {"session": fingerprint(cookie), **detail}
        change.record(principal, "session:start", Scope(), **told)
        return cookie

    def redeem(self, code: str, replaces: str = "") -> str:
        """Turn a code into a session; returns the cookie's value.

        Raises ``BadCredentials`` for a code that is unknown, used, expired, or older than a
        revocation of its principal.
        """
        table = store.sessions
        wanted = (table.c.digest == _digest(code)) & (table.c.kind == "link")
        with self._audit.change() as change:
            connection = change.connection
            link = connection.execute(select(table.c.principal).where(wanted)).first()
            if link is None or not store.hold_principal(connection, link.principal):
                raise _used()
            taken = delete(table).where(wanted).returning(table.c.issued_at, table.c.expires_at)
            row = connection.execute(taken).first()  # by one request only
            revoked = store.tokens_revoked_at(connection, link.principal)
            if row is None or row.expires_at <= self._clock.now():
                raise _used()
            if revoked and row.issued_at <= revoked:
                raise _used()
            return self.start(change, link.principal, row.issued_at, replaces)

    def principal_of(self, cookie: str) -> tuple[str, datetime]:
        """Whose session this is, and how old what proved it; raises ``BadCredentials`` for one
        that is not running.
        """
        table = store.sessions
        with self._database.read() as connection:
            row = connection.execute(
                select(table.c.principal, table.c.issued_at).where(
                    table.c.digest == _digest(cookie),
                    table.c.kind == "session",
                    table.c.expires_at > self._clock.now(),
                )
            ).first()
        if row is None:
            raise ended()
        return row.principal, row.issued_at

    def end(self, cookie: str) -> None:
        """Sign out; a session that is not running stays so."""
        with self._audit.change() as change:
            _end(change, cookie)


def ended() -> BadCredentials:
    """What is said of a session that holds no more."""
    return BadCredentials("The session has ended.", hint="Sign in again: `northstar login --link`.")


def fingerprint(value: str) -> str:
    """What the audit calls a session or a link by; it leads back to neither."""
    return _digest(value)[:16]


def csrf_token(cookie: str) -> str:
    """What a form of this session must carry; only who can read the cookie can compute it."""
    return hmac.new(cookie.encode(), b"northstar-csrf", hashlib.sha256).hexdigest()


def csrf_is_good(cookie: str, presented: str) -> bool:
    """Whether a form's token belongs to the session."""
    return hmac.compare_digest(csrf_token(cookie).encode(), presented.encode())


def _keep(
    connection: Connection,
    kind: str,
    principal: str,
    now: datetime,
    issued_at: datetime,
    seconds: int,
) -> str:
    value = secrets.token_urlsafe(32)
    connection.execute(
        insert(store.sessions).values(
            digest=_digest(value),
            kind=kind,
            principal=principal,
            issued_at=issued_at,
            expires_at=now + timedelta(seconds=seconds),
        )
    )
    return value


def _end(change: Change, cookie: str) -> None:
    table = store.sessions
    gone = delete(table).where(table.c.digest == _digest(cookie), table.c.kind == "session")
    if row := change.connection.execute(gone.returning(table.c.principal)).first():
        told = {"session": fingerprint(cookie)}
        change.record(row.principal, "session:end", Scope(), **told)


def _used() -> BadCredentials:
    return BadCredentials(
        "The sign-in link was used before or has expired.",
        hint="Get a new one: `northstar login --link`.",
    )


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
