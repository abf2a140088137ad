"""Client secrets: made here, shown once, kept as salted scrypt hashes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from northstar.access import store

_PREFIX = "nss_"  # lets scanners of repositories and logs find a secret that leaked
# The secrets are 256 random bits: the cost is for who steals the table and tries anyway, and is
# kept low because anybody may make the token route compute it.
_SCRYPT = {"n": 2**13, "r": 8, "p": 1}
_NOBODY = (b"\0" * 16, b"\0" * 32)


def new_secret(
    connection: Connection,
    principal: str,
    at: datetime,
    *,
    label: str = "",
    expires_at: datetime | None = None,
) -> str:
    """Make one more secret for a principal and return it; only its hash is kept."""
    secret = _PREFIX + secrets.token_urlsafe(32)
    salt = secrets.token_bytes(16)
    connection.execute(
        insert(store.secrets).values(
            principal=principal,
            label=label,
            salt=salt,
            hash=_hash(secret, salt),
            created_at=at,
            expires_at=expires_at,
        )
    )
    return secret


def end_secrets(connection: Connection, principal: str, at: datetime, label: str) -> None:
    """Let a principal's secrets of one label end at ``at``; forget those that ended before."""
    table = store.secrets
    mine = (table.c.principal == principal) & (table.c.label == label)
    connection.execute(
        update(table)
        .where(mine, table.c.expires_at.is_(None) | (table.c.expires_at > at))
        .values(expires_at=at)
    )
    connection.execute(delete(table).where(mine, table.c.expires_at < at))


def secret_is_good(connection: Connection, principal: str, secret: str, at: datetime) -> bool:
    """Whether ``secret`` is one of the principal's; takes as long for a principal unknown."""
    table = store.secrets
    rows = connection.execute(
        select(table.c.salt, table.c.hash).where(
            table.c.principal == principal,
            table.c.expires_at.is_(None) | (table.c.expires_at > at),
        )
    ).all()
    known = [(row.salt, row.hash) for row in rows] or [_NOBODY]
    return any(hmac.compare_digest(_hash(secret, salt), kept) for salt, kept in known)


def _hash(secret: str, salt: bytes) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, dklen=32, **_SCRYPT)
