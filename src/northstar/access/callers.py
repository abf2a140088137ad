"""Finding out who sends an HTTP request: bearer token, HTTP Basic, or the web session's cookie."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from northstar.access.client_secrets import PREFIX, number_of
from northstar.access.domain import Principal
from northstar.access.errors import BadCredentials
from northstar.access.origin import current_origin
from northstar.access.service import AccessService
from northstar.access.sessions import COOKIE, fingerprint
from northstar.access.tokens import STARTED_BY
from northstar.clock import Clock
from northstar.errors import Unauthenticated

_BASIC_REMEMBERED_SECONDS = 60.0
_MOST_REMEMBERED = 1000


@dataclass(frozen=True)
class Caller:
    """Who sent a request.

    Args:
        credential: how the caller was known, as the audit writes it.
        cookie: the web session's cookie, when that is how the caller was known; a request that
            changes something must then carry the session's CSRF token.
        started_by: who started the run that speaks; empty for anybody else.
        proven_at: when the caller proved who they are, in seconds since 1970.
        federated: whether it was another issuer's token that proved it.
    """

    principal: Principal
    credential: str = ""
    cookie: str = ""
    started_by: str = ""
    proven_at: float = 0.0
    federated: bool = False


def identify(access: AccessService, headers: Mapping[str, str]) -> Caller:
    """Who sent a request with these headers (names in lower case).

    Raises ``Unauthenticated`` when nobody is named, ``BadCredentials`` when the claim is false.
    An ``Authorization`` header beats the cookie.
    """
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value:
        return _by_token(access, value.strip())
    if scheme:
        raise BadCredentials(
            f"{scheme} authorization is not understood here.", hint="Send a bearer token."
        )
    if cookie := session_cookie(headers.get("cookie", "")):
        known, (_, since) = (
            access.authenticate_session(cookie),
            access.sessions.principal_of(cookie),
        )
        named = f"session:{fingerprint(cookie)}"
        return Caller(known, named, cookie, proven_at=since.timestamp())
    raise Unauthenticated(
        "The request does not say who is asking.",
        hint="Send 'Authorization: Bearer TOKEN' (`northstar token`), "
        "or sign in to the pages with a link (`northstar login --link`).",
    )


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that a page of ours sent this; a program that is none says nothing."""
    if site := headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _by_token(access: AccessService, token: str) -> Caller:
    principal, claims = access.authenticate(token), access.tokens.check(token)
    return Caller(
        principal,
        f"token:{claims.get('jti', '')}",
        started_by=str(claims.get(STARTED_BY, "")),
        proven_at=float(claims["iat"]),
        federated="federated" in claims,
    )


def session_cookie(header: str) -> str:
    """The session's value in a ``Cookie`` header; empty when there is none."""
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


class BasicAuthentication:
    """HTTP Basic with a client id and its secret, or any name and a token as the password.

    MLflow's client can do nothing else than Basic or a token. Checking a secret is slow on
    purpose, so a good pair is remembered for a minute; whether the secret holds still is looked up
    every time.
    """

    def __init__(self, access: AccessService, clock: Clock) -> None:
        self._access = access
        self._clock = clock
        self._good: dict[bytes, float] = {}

    def __call__(self, value: str) -> Caller:
        """Whose ``Authorization: Basic`` value this is; raises ``BadCredentials``."""
        name, password = _split(value)
        if not password.startswith(PREFIX):
            return _by_token(self._access, password)
        principal = self._by_secret(name, password, value)
        return Caller(principal, f"secret:{number_of(password)}")

    def _by_secret(self, name: str, password: str, value: str) -> Principal:
        key, directory = hashlib.sha256(value.encode()).digest(), self._access.directory
        remembered = self._clock.monotonic() < self._good.get(key, 0.0)
        holds = remembered and directory.held_secret(name, number_of(password))
        if holds and (found := directory.find(name)):
            return found
        address, limits = current_origin().address, self._access.limits
        limits.admit(address, name)
        try:
            principal = self._access.authenticate_secret(name, password)
        except BadCredentials:
            limits.failed(address, name)
            raise
        if len(self._good) >= _MOST_REMEMBERED:
            self._good.clear()
        self._good[key] = self._clock.monotonic() + _BASIC_REMEMBERED_SECONDS
        return principal


def _split(value: str) -> tuple[str, str]:
    try:
        decoded = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise BadCredentials("The Basic authorization can't be read.") from error
    # ids hold a colon themselves; secrets and tokens don't: they follow the last one
    name, _, password = decoded.rpartition(":")
    return name, password
