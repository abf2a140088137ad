"""Signing in to the web pages: a link that works once becomes a session in a cookie."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta

from sqlalchemy import delete, insert, select

from northstar.access import store
from northstar.access.errors import BadCredentials
from northstar.clock import Clock
from northstar.database import Database

COOKIE = "northstar_session"
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
SESSION_SECONDS = 12 * 3600
LINK_SECONDS = 3600


class Sessions:
    """Makes and redeems sign-in codes, and knows whose session a cookie is.

    Codes and cookies are random and kept as SHA-256 only.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def new_code(self, principal: str) -> str:
        """A code that signs ``principal`` in once, within ``LINK_SECONDS``."""
        return self._remember("link", principal, LINK_SECONDS)

    def start(self, principal: str) -> str:
        """A new session; returns the cookie's value."""
        return self._remember("session", principal, SESSION_SECONDS)

    def redeem(self, code: str) -> tuple[str, str]:
        """Turn a code into a session; returns the cookie's value and whose it is.

        Raises ``BadCredentials`` for a code that is unknown, used or expired.
        """
        table, now = store.sessions, self._clock.now()
        with self._database.begin() as connection:
            taken = delete(table).where(table.c.digest == _digest(code), table.c.kind == "link")
            row = connection.execute(
                taken.returning(table.c.principal, table.c.expires_at)  # by one request only
            ).first()
            connection.execute(delete(table).where(table.c.expires_at < now))
        if row is None or row.expires_at <= now:
            raise BadCredentials(
                "The sign-in link was used before or has expired.",
                hint="Get a new one: `northstar login --link`.",
            )
        return self.start(row.principal), row.principal

    def principal_of(self, cookie: str) -> str:
        """Whose session this is; raises ``BadCredentials`` for one that is not running."""
        table = store.sessions
        with self._database.read() as connection:
            row = connection.execute(
                select(table.c.principal).where(
                    table.c.digest == _digest(cookie),
                    table.c.kind == "session",
                    table.c.expires_at > self._clock.now(),
                )
            ).first()
        if row is None:
            raise BadCredentials(
                "The session has ended.", hint="Sign in again: `northstar login --link`."
            )
        return str(row.principal)

    def end(self, cookie: str) -> None:
        """Sign out; a session that is not running stays so."""
        with self._database.begin() as connection:
            connection.execute(
                delete(store.sessions).where(store.sessions.c.digest == _digest(cookie))
            )

    def _remember(self, kind: str, principal: str, seconds: int) -> str:
        value = secrets.token_urlsafe(32)
        with self._database.begin() as connection:
            connection.execute(
                insert(store.sessions).values(
                    digest=_digest(value),
                    kind=kind,
                    principal=principal,
                    expires_at=self._clock.now() + timedelta(seconds=seconds),
                )
            )
        return value


def fingerprint(value: str) -> str:
    """What the audit calls a session or a link by; it leads back to neither."""
    return _digest(value)[:16]


def csrf_token(cookie: str) -> str:
    """What a form of this session must carry; only who can read the cookie can compute it."""
    return hmac.new(cookie.encode(), b"northstar-csrf", hashlib.sha256).hexdigest()


def csrf_is_good(cookie: str, presented: str) -> bool:
    """Whether a form's token belongs to the session."""
    return hmac.compare_digest(csrf_token(cookie).encode(), presented.encode())


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
