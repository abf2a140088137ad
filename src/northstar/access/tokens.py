"""Tokens: JWTs signed with ES256, checked against keys that everybody may read."""

from __future__ import annotations

import json
import secrets
import threading
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, KeySet
from sqlalchemy import insert, or_, select, update

from northstar.access import store
from northstar.access.domain import Principal, Token
from northstar.access.errors import BadCredentials
from northstar.clock import Clock
from northstar.connection import PLATFORM_AUDIENCE
from northstar.database import Database

ALGORITHM = "ES256"
PLATFORM_TOKEN_SECONDS = 3600
ENDPOINT_TOKEN_SECONDS = 900
_LONGEST_SECONDS = 24 * 3600
_MOST_REMEMBERED = 10_000


class Tokens:
    """Issues and checks tokens; the signing keys live in the database, shared by all replicas.

    Args:
        issuer: the control plane's address; the ``iss`` of every token.
    """

    def __init__(self, database: Database, clock: Clock, issuer: str) -> None:
        self.issuer = issuer
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._signing: ECKey | None = None
        self._keys = KeySet([])
        self._good: dict[tuple[str, str], tuple[dict[str, Any], float]] = {}

    def issue(self, principal: Principal, audience: str, lifetime_seconds: int) -> Token:
        """A token for ``principal`` that only ``audience`` takes; at most a day long."""
        lifetime = min(lifetime_seconds, _LONGEST_SECONDS)
        now = int(self._clock.now().timestamp())
        key = self._signing_key()
        claims = {
            "iss": self.issuer,
            "sub": principal.id,
            "aud": audience,
            "iat": now,
            "exp": now + lifetime,
            "jti": secrets.token_urlsafe(12),
            "name": principal.name,
            "kind": principal.kind,
        }
        header = {"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"}
        text = jwt.encode(header, claims, key, algorithms=[ALGORITHM])
        return Token(access_token=text, expires_in=lifetime)

    def check(self, token: str, audience: str = PLATFORM_AUDIENCE) -> dict[str, Any]:
        """The claims of a good token; raises ``BadCredentials`` for any other."""
        now = self._clock.now().timestamp()
        claims, until = self._good.get((token, audience), ({}, 0.0))
        if now < until:
            return claims
        claims = self._verified(token, audience)
        if len(self._good) >= _MOST_REMEMBERED:
            self._good.clear()
        self._good[token, audience] = (claims, float(claims["exp"]))
        return claims

    def jwks(self) -> dict[str, Any]:
        """The public keys, as RFC 7517 writes them."""
        self._signing_key()
        return {"keys": [key.as_dict(private=False) for key in self._keys.keys]}

    def rotate(self) -> str:
        """Sign with a new key from now on; tokens of the old one stay good until they expire."""
        now = self._clock.now()
        with self._database.begin() as connection:
            live = store.keys.c.retired_at.is_(None)
            connection.execute(update(store.keys).where(live).values(retired_at=now))
            key = _new_key()
            connection.execute(insert(store.keys).values(_row(key, now)))
        self._load()
        return str(key.kid)

    def _verified(self, token: str, audience: str) -> dict[str, Any]:
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(self._clock.now().timestamp()),
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": audience},
            sub={"essential": True},
            exp={"essential": True},
        )
        self._signing_key()
        try:
            try:
                decoded = jwt.decode(token, self._keys, algorithms=[ALGORITHM])
            except InvalidKeyIdError:  # another replica may have begun to sign with a newer key
                self._load()
                decoded = jwt.decode(token, self._keys, algorithms=[ALGORITHM])
            registry.validate(decoded.claims)
        except (JoseError, ValueError, TypeError) as error:
            raise BadCredentials(
                f"The token is not good for {audience}: {error}.",
                hint="Ask for a new one: `northstar token`, or POST /oauth/token.",
            ) from error
        return decoded.claims

    def _signing_key(self) -> ECKey:
        with self._lock:
            signing = self._signing
        return signing or self._load()

    def _load(self) -> ECKey:
        """Read the keys, making the first; retired ones stay until their last token ended."""
        now = self._clock.now()
        table = store.keys
        still = or_(
            table.c.retired_at.is_(None),
            table.c.retired_at > now - timedelta(seconds=_LONGEST_SECONDS),
        )
        query = select(table).where(still).order_by(table.c.created_at.desc())
        with self._database.begin() as connection:
            rows = connection.execute(query).all()
            if all(row.retired_at for row in rows):
                connection.execute(insert(table).values(_row(_new_key(), now)))
                rows = connection.execute(query).all()
        keys = [ECKey.import_key(json.loads(row.private_jwk)) for row in rows]
        signing = next(key for key, row in zip(keys, rows, strict=True) if not row.retired_at)
        with self._lock:
            self._signing, self._keys = signing, KeySet(list(keys))
        return signing


def _new_key() -> ECKey:
    key = ECKey.generate_key("P-256", parameters={"use": "sig", "alg": ALGORITHM}, private=True)
    key.ensure_kid()
    return key


def _row(key: ECKey, at: datetime) -> dict[str, Any]:
    return {
        "kid": key.kid,
        "private_jwk": json.dumps(key.as_dict(private=True)),
        "created_at": at,
        "retired_at": None,
    }
