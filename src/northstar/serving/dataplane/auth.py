"""Checking who is asking, without asking anybody: signatures against the published keys."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from northstar.errors import Unauthenticated
from northstar.serving.domain import AccessSpec

_ALGORITHMS = ["ES256"]
_MOST_REMEMBERED = 10_000
_PREFIX = b"Bearer "


class TokenCheck:
    """Decides whether a request's ``Authorization`` header admits it to this endpoint.

    The platform issues tokens with an endpoint as their audience only to those who may invoke it,
    so a good signature, the right audience and a running time are the whole decision. A token that
    was found good is remembered until it expires.

    Args:
        access: the issuer, audience and keys to hold tokens against.
        now: seconds since 1970; another clock for tests.
    """

    def __init__(self, access: AccessSpec, now: Callable[[], float] = time.time) -> None:
        self._access = access
        self._keys = KeySet.import_key_set(access.jwks)  # type: ignore[arg-type]  # JSON from the wire; joserfc checks it
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: math.ceil(now()),
            iss={"essential": True, "value": access.issuer},
            aud={"essential": True, "value": access.audience},
            exp={"essential": True},
        )
        self._now = now
        self._good_until: dict[bytes, float] = {}

    def __call__(self, header: bytes | None) -> None:
        """Return if the header admits; raises ``Unauthenticated`` otherwise."""
        if header is None:
            raise Unauthenticated(
                "The request carries no token.",
                hint=f"Send 'Authorization: Bearer' with a token for {self._access.audience}.",
            )
        if self._now() < self._good_until.get(header, 0.0):
            return
        expires = self._verify(header)
        if len(self._good_until) >= _MOST_REMEMBERED:
            self._good_until.clear()
        self._good_until[header] = expires

    def _verify(self, header: bytes) -> float:
        if not header.startswith(_PREFIX):
            raise Unauthenticated("The Authorization header is not a bearer token.")
        try:
            token = jwt.decode(header[len(_PREFIX) :], self._keys, algorithms=_ALGORITHMS)
            self._claims.validate(token.claims)
        except (JoseError, ValueError) as error:
            raise Unauthenticated(
                f"The token is not good for {self._access.audience}: {error}.",
                hint="Ask the platform for a new token with this endpoint as its audience.",
            ) from error
        revoked_at = self._access.revoked.get(str(token.claims.get("sub")))
        if revoked_at is not None and token.claims.get("iat", 0) <= revoked_at:
            raise Unauthenticated("The token was revoked.", hint="Ask the platform for a new one.")
        return float(token.claims["exp"])
