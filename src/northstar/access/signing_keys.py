"""The keys that tokens are signed with: sealed in the database, shared by all replicas, rotated.

A new key is published some minutes before anything is signed with it, so that whoever verifies
offline knows it by then; an old one stays published until the last token that it signed has ended.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc.jwk import ECKey, KeySet
from pydantic import JsonValue
from sqlalchemy import Connection, delete, insert, select, update

from northstar.access import store
from northstar.access.audit.log import AuditLog
from northstar.access.domain import PLATFORM
from northstar.access.sealing import Sealer
from northstar.clock import Clock
from northstar.database import Database, about_to_wait
from northstar.errors import Failed
from northstar.names import Scope

ALGORITHM = "ES256"
LONGEST_TOKEN_SECONDS = 24 * 3600
PUBLISHED_AHEAD = timedelta(minutes=5)
_LONGEST_TOKEN = timedelta(seconds=LONGEST_TOKEN_SECONDS)
_LOOK_AGAIN_SECONDS = 60.0
_LOOK_AT_MOST_EVERY_SECONDS = 1.0


@dataclass(frozen=True)
class _Dated:
    key: ECKey
    created_at: datetime


@dataclass(frozen=True)
class _Loaded:
    """What was read at one moment; ``public`` is another object after every reading."""

    keys: Sequence[_Dated]  # the newest first; never empty
    public: KeySet
    looked_at: float


class SigningKeys:
    """Which key signs now, and which ones verify.

    A rotation by another replica is known within a minute, which is less than the time that a key
    is published ahead.
    """

    def __init__(self, database: Database, clock: Clock, sealer: Sealer, audit: AuditLog) -> None:
        self._database = database
        self._clock = clock
        self._sealer = sealer
        self._audit = audit
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

    def signing(self) -> ECKey:
        """The key to sign with: the newest that was published long enough, else the oldest."""
        keys, now = self._current().keys, self._clock.now()
        ready = [each for each in keys if each.created_at + PUBLISHED_AHEAD <= now]
        return (ready or keys[-1:])[0].key

    def verifying(self) -> KeySet:
        """The public keys of all tokens that may still be good."""
        return self._current().public

    def look_again(self) -> KeySet:
        """As ``verifying``, after another look: a replica may have begun to use a newer key."""
        loaded = self._current()
        if self._clock.monotonic() - loaded.looked_at >= _LOOK_AT_MOST_EVERY_SECONDS:
            loaded = self._load()
        return loaded.public

    def jwks(self) -> dict[str, Any]:
        """The public keys, as RFC 7517 writes them."""
        return {"keys": [key.as_dict(private=False) for key in self.verifying().keys]}

    def rotate(self, by: str, *, at_once: bool = False) -> str:
        """Make a new key, which signs as soon as it is known everywhere; returns its id.

        Args:
            at_once: the old keys are known to others: withdraw them, and with them every token
                that they signed. The new key signs from now on.
        """
        now, key = self._clock.now(), _new_key()
        with self._audit.change() as change:
            withdrawn: list[JsonValue] = []
            if at_once:
                gone = change.connection.execute(delete(store.keys).returning(store.keys.c.kid))
                withdrawn = sorted(row.kid for row in gone)
            change.connection.execute(insert(store.keys).values(self._row(key, now)))
            change.record(by, "key:rotate", Scope(), key=str(key.kid), withdrawn=withdrawn)
        self._load()
        return str(key.kid)

    def rotate_when_older(self, age: timedelta) -> str | None:
        """Rotate when the newest key is older than ``age``; returns the new one's id."""
        newest = self._load().keys[0].created_at
        return self.rotate(PLATFORM.id) if newest <= self._clock.now() - age else None

    def _current(self) -> _Loaded:
        loaded = self._loaded
        if loaded and self._clock.monotonic() - loaded.looked_at < _LOOK_AGAIN_SECONDS:
            return loaded
        return self._load()

    def _load(self) -> _Loaded:
        about_to_wait()
        with self._lock:
            looked_at = self._clock.monotonic()
            with self._database.begin() as connection:
                keys = self._read(connection) or [self._make_first(connection)]
            public = KeySet([ECKey.import_key(each.key.as_dict(private=False)) for each in keys])
            self._loaded = _Loaded(keys, public, looked_at)
            return self._loaded

    def _read(self, connection: Connection) -> list[_Dated]:
        """The keys that matter still; those whose last token has ended are forgotten."""
        table = store.keys
        kept: list[_Dated] = []
        for row in connection.execute(
            select(table).order_by(table.c.created_at.desc(), table.c.kid)
        ).all():
            ended = kept and kept[-1].created_at + PUBLISHED_AHEAD + _LONGEST_TOKEN
            if ended and ended < self._clock.now():
                connection.execute(delete(table).where(table.c.kid == row.kid))
                continue
            kept.append(_Dated(self._opened(connection, row.kid, row.private_jwk), row.created_at))
        return kept

    def _opened(self, connection: Connection, kid: str, kept: str) -> ECKey:
        """A key as it was kept; it is sealed (again) if an older release or key has done so."""
        text = kept if kept.startswith("{") else self._sealer.open(kept)
        key = ECKey.import_key(json.loads(text))
        if key.kid != kid:
            raise Failed(f"The signing key {kid} in the database is another one.")
        if not self._sealer.is_sealed(kept):
            sealed = update(store.keys).values(private_jwk=self._sealer.seal(text))
            connection.execute(sealed.where(store.keys.c.kid == kid))
        return key

    def _make_first(self, connection: Connection) -> _Dated:
        key, now = _new_key(), self._clock.now()
        connection.execute(insert(store.keys).values(self._row(key, now)))
        return _Dated(key, now)

    def _row(self, key: ECKey, at: datetime) -> dict[str, Any]:
        sealed = self._sealer.seal(json.dumps(key.as_dict(private=True)))
        return {"kid": key.kid, "private_jwk": sealed, "created_at": at}


def _new_key() -> ECKey:
    key = ECKey.generate_key("P-256", parameters={"use": "sig", "alg": ALGORITHM}, private=True)
    key.ensure_kid()
    return key
