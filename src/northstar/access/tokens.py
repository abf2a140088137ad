"""Tokens: JWTs signed with ES256, checked against keys that everybody may read."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from northstar.access.audit.log import AuditLog
from northstar.access.domain import Principal, Token
from northstar.access.errors import BadCredentials
from northstar.access.sealing import Sealer
from northstar.access.signing_keys import ALGORITHM, LONGEST_TOKEN_SECONDS, SigningKeys
from northstar.clock import Clock
from northstar.connection import PLATFORM_AUDIENCE
from northstar.database import Database

PLATFORM_TOKEN_SECONDS = 3600
ENDPOINT_TOKEN_SECONDS = 900
STARTED_BY = "started_by"
"""The claim of a run's tokens that says who started it."""
_MOST_REMEMBERED = 10_000


class Tokens:
    """Issues and checks tokens.

    Args:
        issuer: the control plane's address; the ``iss`` of every token.
        sealer: seals the signing keys in the database.

    Attributes:
        keys: what tokens are signed with.
    """

    def __init__(
        self, database: Database, clock: Clock, issuer: str, sealer: Sealer, audit: AuditLog
    ) -> None:
        self.issuer = issuer
        self.keys = SigningKeys(database, clock, sealer, audit)
        self._clock = clock
        self._public = KeySet([])
        self._good: dict[tuple[str, str], tuple[dict[str, Any], float]] = {}

    def issue(
        self,
        principal: Principal,
        audience: str,
        lifetime_seconds: int,
        more: Mapping[str, Any] | None = None,
    ) -> Token:
        """A token for ``principal`` that only ``audience`` takes; at most a day long.

        Args:
            more: further claims; ``iat`` of a token that this one is exchanged for, which a
                revocation between the two then ends as well.
        """
        lifetime = min(lifetime_seconds, LONGEST_TOKEN_SECONDS)
        now = self._clock.now().timestamp()
        key = self.keys.signing()
        claims = {
            "iss": self.issuer,
            "sub": principal.id,
            "aud": audience,
            # To the millisecond, so that a token is younger than a revocation just before it.
            "iat": math.floor(now * 1000) / 1000,
            "exp": int(now) + lifetime,
            "jti": secrets.token_urlsafe(12),
            "name": principal.name,
            "kind": principal.kind,
            **(more or {}),
        }
        header = {"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"}
        text = jwt.encode(header, claims, key, algorithms=[ALGORITHM])
        return Token(access_token=text, expires_in=lifetime)

    def check(self, token: str, audience: str = PLATFORM_AUDIENCE) -> dict[str, Any]:
        """The claims of a good token; raises ``BadCredentials`` for any other."""
        if (public := self.keys.verifying()) is not self._public:
            self._public, self._good = public, {}  # a key may have been withdrawn
        now = self._clock.now().timestamp()
        claims, until = self._good.get((token, audience), ({}, 0.0))
        if now < until:
            return claims
        claims = self._verified(token, audience)
        if len(self._good) >= _MOST_REMEMBERED:
            self._good.clear()
        self._good[token, audience] = (claims, float(claims["exp"]))
        return claims

    def _verified(self, token: str, audience: str) -> dict[str, Any]:
        registry = jwt.JWTClaimsRegistry(
            now=lambda: math.ceil(self._clock.now().timestamp()),
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": audience},
            sub={"essential": True},
            iat={"essential": True},
            exp={"essential": True},
        )
        try:
            try:
                decoded = jwt.decode(token, self._public, algorithms=[ALGORITHM])
            except InvalidKeyIdError:
                decoded = jwt.decode(token, self.keys.look_again(), algorithms=[ALGORITHM])
            registry.validate(decoded.claims)
        except (JoseError, ValueError, TypeError) as error:
            raise BadCredentials(
                f"The token is not good for {audience}: {error}.",
                hint="Ask for a new one: `northstar token`, or POST /oauth/token.",
            ) from error
        return decoded.claims
