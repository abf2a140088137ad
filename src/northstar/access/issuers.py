"""Other issuers of tokens: their published metadata and keys, and tokens that they signed.

What is fetched is bounded in time as a whole and in size, comes over https, not by way of a
redirect, and must name the issuer that was asked for. Addresses of private networks may be asked,
for there are issuers in them, and nothing answers there without a certificate; this machine only by
a platform that is itself a trial one, without https. Keys are kept for an hour, and for a day while
the issuer does not answer; a token with an unknown key makes them be fetched again, at most once in
half a minute.
"""

from __future__ import annotations

import asyncio
import json
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from northstar.access.addresses import check_address, is_loopback
from northstar.access.errors import ForeignTokenRefused
from northstar.clock import Clock
from northstar.errors import Failed, Invalid, NorthstarError, Unavailable

LEEWAY_SECONDS = 60
_ALGORITHMS = ("RS256", "PS256", "ES256", "ES384")  # asymmetric ones only
_FRESH_SECONDS = 3600.0
_STALE_SECONDS = 24 * 3600.0
_FETCH_AT_MOST_EVERY_SECONDS = 30.0
_DEADLINE_SECONDS = 5.0  # for a whole document: an issuer that drips must not hold a thread
_WAIT_SECONDS = 2.0  # for what another thread is fetching
_MOST_BYTES = 512 * 1024
_LONGEST_TOKEN = 16_384
_LONGEST_HEADER = 8_192  # certificates may stand in it
_SMALLEST_RSA_BITS = 2048

Fetch = Callable[[str], dict[str, Any]]
"""Gets a JSON object from an address; raises ``Unavailable`` or ``Failed``."""


@dataclass
class _Known:
    """What one issuer published, and when we last asked."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    metadata: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, RSAKey | ECKey] = field(default_factory=dict)
    fetched_at: float = -math.inf
    tried_at: float = -math.inf


class Issuers:
    """Knows the metadata and keys of issuers, and verifies what they signed.

    Args:
        loopback: whether issuers on this machine are accepted, also over plain http.
        fetch: how JSON is fetched; another one for tests.
    """

    def __init__(self, clock: Clock, *, loopback: bool, fetch: Fetch | None = None) -> None:
        self._clock = clock
        self._loopback = loopback
        self._fetch = fetch or fetch_json
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}

    def metadata(self, issuer: str) -> dict[str, Any]:
        """The issuer's discovery document (OpenID Connect Discovery 1.0, section 3).

        Raises ``Unavailable`` while it does not answer, ``Failed`` for one that can't be used.
        """
        return self._current(issuer).metadata

    def verify(self, token: str, issuer: str, audience: str) -> dict[str, Any]:
        """The claims of a token that ``issuer`` signed for ``audience`` and that runs.

        Raises ``ForeignTokenRefused`` for any other, ``Unavailable`` and ``Failed`` as
        ``metadata``.
        """
        header, _ = read_unverified(token)
        key = self._key(issuer, header)
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(self._clock.now().timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            sub={"essential": True},
            exp={"essential": True},
        )
        try:
            # Headers of others hold names that are not registered; only `crit` ones matter.
            rules = jws.JWSRegistry(algorithms=list(_ALGORITHMS), strict_check_header=False)
            rules.max_header_length = _LONGEST_HEADER
            claims = jwt.decode(token, key, registry=rules).claims
            registry.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise ForeignTokenRefused(f"The token of {issuer} is not good: {error}.") from error
        return claims

    def check_address(self, url: str, what: str) -> str:
        """Return an address that may be asked; raises ``Invalid`` for any other."""
        if is_loopback(check_address(url, what)) and not self._loopback:
            raise Invalid(
                f"{url[:200]!r} can't be the {what}: it is on this machine.",
                hint="Only a platform that is tried out, at an http address itself, accepts that.",
            )
        return url

    def _key(self, issuer: str, header: Mapping[str, Any]) -> RSAKey | ECKey:
        if header.get("alg") not in _ALGORITHMS:
            raise ForeignTokenRefused(
                "The token is not signed in a way that is accepted.",
                hint=f"Accepted are {', '.join(_ALGORITHMS)}.",
            )
        kid = str(header.get("kid", ""))
        if found := _pick(self._current(issuer).keys, kid):
            return found
        if found := _pick(self._current(issuer, again=True).keys, kid):
            return found
        raise ForeignTokenRefused(f"{issuer} publishes no key {kid!r}.")

    def _current(self, issuer: str, *, again: bool = False) -> _Known:
        with self._lock:
            known = self._known.setdefault(issuer, _Known())
        if not again and self._age(known) < _FRESH_SECONDS:
            return known
        does_without = not again and self._age(known) < _STALE_SECONDS
        if known.lock.acquire(timeout=0 if does_without else _WAIT_SECONDS):
            try:
                self._fetch_again(issuer, known, again=again)
            finally:
                known.lock.release()
        if self._age(known) >= _STALE_SECONDS:
            raise Unavailable(f"The keys of {issuer} could not be fetched.")
        return known

    def _fetch_again(self, issuer: str, known: _Known, *, again: bool) -> None:
        now, age = self._clock.monotonic(), self._age(known)
        rested = now - known.tried_at >= _FETCH_AT_MOST_EVERY_SECONDS
        if not rested or (age < _FRESH_SECONDS and not again):
            return
        known.tried_at = now
        try:
            known.metadata, known.keys = self._published(issuer)
            known.fetched_at = now
        except NorthstarError:
            if age >= _STALE_SECONDS:
                raise

    def _age(self, known: _Known) -> float:
        return self._clock.monotonic() - known.fetched_at

    def _published(self, issuer: str) -> tuple[dict[str, Any], dict[str, RSAKey | ECKey]]:
        self.check_address(issuer, "issuer")
        place = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        metadata = self._fetch(place)
        if metadata.get("issuer") != issuer:
            raise Failed(
                f"{place} is the document of another issuer.",
                hint="Write the issuer exactly as its tokens do, also the slash at its end.",
            )
        keys = self._fetch(self.check_address(str(metadata.get("jwks_uri", "")), "jwks_uri"))
        return metadata, _usable(keys)


def read_unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a JWT whose signature nobody has looked at yet: hearsay.

    Raises ``ForeignTokenRefused`` for what is no JWT.
    """
    unreadable = ForeignTokenRefused("The token can't be read: it is not a signed JWT.")
    if len(token) > _LONGEST_TOKEN:
        raise unreadable
    try:
        parts = jws.extract_compact(token.encode("ascii"))
        claims = json.loads(parts.payload)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise unreadable from error
    if not isinstance(claims, dict):
        raise unreadable
    return dict(parts.protected), claims


def fetch_json(url: str, deadline_seconds: float = _DEADLINE_SECONDS) -> dict[str, Any]:
    """Get a JSON object; redirects are not followed.

    Not to be called in a coroutine. Raises ``Unavailable`` where none comes in time.
    """
    try:
        found = json.loads(asyncio.run(_get(url, deadline_seconds)))
    except TimeoutError as error:
        raise Unavailable(f"{url} took longer than {deadline_seconds:g} s.") from error
    except httpx2.HTTPError as error:
        raise Unavailable(f"{url} did not answer: {type(error).__name__}.") from error
    except (ValueError, RecursionError) as error:
        raise Failed(f"{url} did not answer with JSON.") from error
    if not isinstance(found, dict):
        raise Failed(f"{url} did not answer with a JSON object.")
    return found


async def _get(url: str, deadline_seconds: float) -> bytes:
    """The body, uncompressed: what is small on the way could be huge here."""
    body = bytearray()
    async with (
        asyncio.timeout(deadline_seconds),
        httpx2.AsyncClient(timeout=None, trust_env=not is_loopback(url)) as client,
        client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response,
    ):
        if response.status_code != 200:
            raise Unavailable(f"{url} answered {response.status_code}.")
        async for part in response.aiter_raw():
            body += part
            if len(body) > _MOST_BYTES:
                raise Failed(f"{url} answered with more than {_MOST_BYTES} bytes.")
    return bytes(body)


def _usable(published: Mapping[str, Any]) -> dict[str, RSAKey | ECKey]:
    """The signing keys in a key set, by id; what is symmetric, short or unknown is left out."""
    found: dict[str, RSAKey | ECKey] = {}
    listed = published.get("keys")
    for data in listed if isinstance(listed, list) else []:
        if not isinstance(data, dict) or data.get("use", "sig") != "sig":
            continue
        try:
            key = _imported(data)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if key is not None:
            found[str(data.get("kid", ""))] = key
    return found


def _imported(data: dict[str, Any]) -> RSAKey | ECKey | None:
    if data.get("kty") == "EC":
        return ECKey.import_key(data)
    if data.get("kty") == "RSA":
        key = RSAKey.import_key(data)
        return key if key.public_key.key_size >= _SMALLEST_RSA_BITS else None
    return None


def _pick(keys: Mapping[str, RSAKey | ECKey], kid: str) -> RSAKey | ECKey | None:
    if not kid and len(keys) == 1:
        return next(iter(keys.values()))
    return keys.get(kid)
