"""Client secrets: made here, shown once, kept as salted scrypt hashes.

A secret names its own row (``nss_<number>_<256 random bits>``), so that one hash is computed for an
attempt, whoever is claimed and however many secrets they have.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from northstar.access import store
from northstar.errors import Conflict

PREFIX = "nss_"  # lets scanners of repositories and logs find a secret that leaked
MOST_LIVE = 20
_FORM = re.compile(PREFIX + r"([1-9][0-9]{0,8})_([A-Za-z0-9_-]{43})")
# The cost is for who steals the table and tries anyway, and is kept low because anybody may make
# the token route compute it.
_SCRYPT = {"n": 2**13, "r": 8, "p": 1}


class Kept(NamedTuple):
    """What is kept of a secret.

    Args:
        started_by: who started the process that it was made for; empty for any other.
    """

    salt: bytes
    hash: bytes
    started_by: str = ""


NOBODY = Kept(b"\0" * 16, b"\0" * 32)
"""What is compared with where there is nothing, so that it takes as long."""


class NewSecret:
    """A secret that was made but has no number yet; making it is slow, keeping it is not."""

    def __init__(self) -> None:
        self._random = secrets.token_urlsafe(32)
        self._salt = secrets.token_bytes(16)
        self._hash = _hash(self._random, self._salt)

    def keep(
        self,
        connection: Connection,
        principal: str,
        at: datetime,
        label: str = "",
        expires_at: datetime | None = None,
        started_by: str = "",
    ) -> str:
        """Keep it as one of a principal's, and return it: this is the only time that it is seen.

        Args:
            label: what the platform made it for; empty for one that somebody asked for. Of those a
                principal can have ``MOST_LIVE``; raises ``Conflict`` for one more.
            started_by: who started the process that it is made for.
        """
        if not label:
            _refuse_one_more(connection, principal, at)
        values = {
            "principal": principal,
            "label": label,
            "salt": self._salt,
            "hash": self._hash,
            "created_at": at,
            "expires_at": expires_at,
            "started_by": started_by or None,
        }
        table = store.secrets
        made = connection.execute(insert(table).values(**values).returning(table.c.id))
        return f"{PREFIX}{made.scalar_one()}_{self._random}"


def number_of(secret: str) -> int | None:
    """The number of the row that a secret names; ``None`` for what is no secret of ours."""
    found = _FORM.fullmatch(secret)
    return int(found[1]) if found else None


def live(connection: Connection, principal: str, number: int, at: datetime) -> Kept | None:
    """What is kept of a principal's secret, if it holds at ``at``."""
    table = store.secrets
    row = connection.execute(
        select(table.c.salt, table.c.hash, table.c.started_by).where(
            table.c.id == number,
            table.c.principal == principal,
            table.c.expires_at.is_(None) | (table.c.expires_at > at),
        )
    ).first()
    return Kept(row.salt, row.hash, row.started_by or "") if row else None


def is_good(secret: str, kept: Kept) -> bool:
    """Whether ``secret`` is the one that was kept; takes as long whatever is asked."""
    found = _FORM.fullmatch(secret)
    return hmac.compare_digest(_hash(found[2] if found else "", kept.salt), kept.hash)


def end_secrets(
    connection: Connection, principal: str, now: datetime, at: datetime, label: str
) -> None:
    """Let a principal's secrets of one label end at ``at``, unless they do before; forget those
    that have ended.
    """
    table = store.secrets
    mine = (table.c.principal == principal) & (table.c.label == label)
    connection.execute(delete(table).where(mine, table.c.expires_at <= now))
    connection.execute(
        update(table)
        .where(mine, table.c.expires_at.is_(None) | (table.c.expires_at > at))
        .values(expires_at=at)
    )


def _refuse_one_more(connection: Connection, principal: str, at: datetime) -> None:
    table = store.secrets
    held = select(func.count()).where(
        table.c.principal == principal,
        table.c.label == "",
        table.c.expires_at.is_(None) | (table.c.expires_at > at),
    )
    if connection.execute(held).scalar_one() >= MOST_LIVE:
        raise Conflict(
            f"{principal} has {MOST_LIVE} secrets that hold, which is as many as anybody can have.",
            hint=f"`northstar principal credentials {principal}` lists them, and `northstar "
            f"principal withdraw {principal} secret NUMBER` takes one away.",
        )


def _hash(random: str, salt: bytes) -> bytes:
    return hashlib.scrypt(random.encode(), salt=salt, dklen=32, **_SCRYPT)
