"""One HTTP session with the control plane: authenticated, and its errors raised as ours."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from northstar.connection.assertion import client_assertion
from northstar.connection.credentials import Credentials
from northstar.errors import BY_CODE, Failed, NorthstarError, Unavailable
from northstar.telemetry import propagation

PLATFORM_AUDIENCE = "northstar"
TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
_TIMEOUT_SECONDS = 60.0
_RENEW_BEFORE_SECONDS = 30.0
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True)
class Granted:
    """A token that was given.

    Args:
        expires_at: in seconds since 1970, by this machine's clock; 0 if unknown.
    """

    token: str = field(repr=False)
    expires_at: float

    @property
    def principal(self) -> str:
        """Whose token it is, as it says itself; empty if it doesn't."""
        return str(_claims(self.token).get("sub", ""))


class Connection:
    """One authenticated HTTP session with the control plane; safe to share between threads.

    Args:
        credentials: from ``find_credentials``, or your own.
        transport: an ``httpx2`` transport, for tests.
    """

    def __init__(
        self, credentials: Credentials, transport: httpx2.BaseTransport | None = None
    ) -> None:
        self.url = credentials.url
        self._credentials = credentials
        self._http = httpx2.Client(
            base_url=credentials.url, timeout=_TIMEOUT_SECONDS, transport=transport, trust_env=False
        )
        self._tokens: dict[str, tuple[Granted, float]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the session's sockets."""
        self._http.close()

    def token(self, audience: str = PLATFORM_AUDIENCE) -> str:
        """A valid token for ``audience``: the platform itself, or an endpoint's name.

        Raises ``Unauthenticated`` for a wrong secret, ``Denied`` where the caller has no right to
        the audience.
        """
        return self.grant(audience).token

    def grant(
        self, audience: str = PLATFORM_AUDIENCE, at_least_seconds: float = _RENEW_BEFORE_SECONDS
    ) -> Granted:
        """As ``token``, and until when it is good: for ``at_least_seconds`` if that can be had."""
        own = self._credentials
        if own.token and audience == PLATFORM_AUDIENCE:
            return Granted(own.token, float(_claims(own.token).get("exp", 0.0)))
        with self._lock:
            asking = self._locks.setdefault(audience, threading.Lock())
        with asking:  # one asks, the others of this audience wait for what it gets
            granted, renew_at = self._tokens.get(audience, (Granted("", 0.0), 0.0))
            enough = granted.expires_at - time.time() >= at_least_seconds
            if time.monotonic() < renew_at and enough:
                return granted
            answer = _checked(self._send("POST", TOKEN_PATH, data=self._proof(audience)))
            lifetime = float(answer["expires_in"])
            granted = Granted(str(answer["access_token"]), time.time() + lifetime)
            renew_at = time.monotonic() + max(lifetime - _RENEW_BEFORE_SECONDS, lifetime / 2)
            self._tokens[audience] = (granted, renew_at)
            return granted

    def _proof(self, audience: str) -> dict[str, str]:
        """What the token route is told, so that it gives a token for ``audience``."""
        own = self._credentials
        form = {"audience": audience, "client_id": own.client_id}
        if own.token:
            form = {"audience": audience, "grant_type": _EXCHANGE, "subject_token": own.token}
            return {**form, "subject_token_type": _token_type("access_token")}
        if own.foreign_token:
            brought = own.foreign_token(self.url)
            form |= {"grant_type": _EXCHANGE, "subject_token": brought}
            return {**form, "subject_token_type": _token_type("jwt")}
        form["grant_type"] = "client_credentials"
        if own.client_key:
            place = f"{self.url}{TOKEN_PATH}"
            signed = client_assertion(own.client_key, own.client_id, place)
            return {**form, "client_assertion_type": _JWT_BEARER, "client_assertion": signed}
        return {**form, "client_secret": own.client_secret}

    def prove_anew(self) -> None:
        """Let the next request prove who is asking, instead of with a token of earlier."""
        self._tokens.pop(PLATFORM_AUDIENCE, None)

    def get(self, path: str, **params: Any) -> Any:
        """``GET`` as JSON; parameters that are ``None`` are left out."""
        wanted = {key: value for key, value in params.items() if value is not None}
        return self.request("GET", path, params=wanted)

    def post(self, path: str, body: Any = None) -> Any:
        """``POST`` a JSON body and return the JSON answer."""
        return self.request("POST", path, json=body)

    def patch(self, path: str, body: Any) -> Any:
        """``PATCH`` with a JSON body and return the JSON answer."""
        return self.request("PATCH", path, json=body)

    def delete(self, path: str) -> Any:
        """``DELETE`` and return the JSON answer."""
        return self.request("DELETE", path)

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Send one authenticated request and return its decoded JSON (``None`` when empty).

        A token of earlier may have been withdrawn since: where it is refused, which means that
        nothing was done, the request is sent once more with another.
        """
        known = self._tokens.get(PLATFORM_AUDIENCE)
        granted = self.grant()
        answer = self._send_as(granted, method, path, **options)
        if self._was_of_earlier(granted, known, answer):
            answer = self._send_as(self.grant(), method, path, **options)
        return _checked(answer)

    @contextmanager
    def stream(self, path: str, timeout_seconds: float) -> Iterator[Iterator[bytes]]:
        """``GET`` what is too large to be held, as its bytes come; raises as the other requests do.

        Args:
            timeout_seconds: the longest to wait for the next of them.
        """
        known = self._tokens.get(PLATFORM_AUDIENCE)
        granted = self.grant()
        with self._answering(granted, path, timeout_seconds) as answer:
            if not self._was_of_earlier(granted, known, answer):
                yield _bytes_of(answer)
                return
        with self._answering(self.grant(), path, timeout_seconds) as answer:
            yield _bytes_of(answer)

    @contextmanager
    def _answering(
        self, who: Granted, path: str, timeout_seconds: float
    ) -> Iterator[httpx2.Response]:
        headers = {**propagation.headers(), "Authorization": f"Bearer {who.token}"}
        try:
            with self._http.stream("GET", path, headers=headers, timeout=timeout_seconds) as answer:
                yield answer
        except httpx2.TransportError as error:
            raise self._unanswered(error) from error

    def _was_of_earlier(
        self, granted: Granted, known: tuple[Granted, float] | None, answer: httpx2.Response
    ) -> bool:
        """Whether a token that was held already was refused; it is forgotten then."""
        if answer.status_code != httpx2.codes.UNAUTHORIZED or not known or known[0] is not granted:
            return False
        if self._tokens.get(PLATFORM_AUDIENCE) is known:
            self._tokens.pop(PLATFORM_AUDIENCE, None)
        return True

    def _send_as(self, who: Granted, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {**options.pop("headers", {}), "Authorization": f"Bearer {who.token}"}
        return self._send(method, path, headers=headers, **options)

    def _send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {**propagation.headers(), **options.pop("headers", {})}
        try:
            return self._http.request(method, path, headers=headers, **options)
        except httpx2.TransportError as error:
            raise self._unanswered(error) from error

    def _unanswered(self, error: httpx2.TransportError) -> Unavailable:
        return Unavailable(
            f"The platform at {self.url} did not answer: {error}.",
            hint="Is it running? Start the embedded one with `northstar up`.",
        )


def _bytes_of(answer: httpx2.Response) -> Iterator[bytes]:
    if not answer.is_success:
        answer.read()
        _checked(answer)
    return answer.iter_bytes()


def _checked(response: httpx2.Response) -> Any:
    if response.is_success:
        return _read(response)
    try:
        problem = response.json()
        kind: type[NorthstarError] = BY_CODE.get(problem["code"], Failed)
        raise kind(problem["message"], hint=problem.get("hint", ""))
    except (ValueError, KeyError, TypeError) as error:
        kind = Unavailable if response.status_code in (502, 503, 504) else Failed
        raise kind(
            f"{response.request.method} {response.request.url.path} answered "
            f"{response.status_code}: {response.text[:200]}"
        ) from error


def _read(response: httpx2.Response) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError as error:  # a sign-in page of a proxy, or another service
        raise Failed(
            f"{response.request.method} {response.request.url} answered with something that is "
            "not JSON.",
            hint="Is this the platform's address? A proxy in front of it may ask to sign in.",
        ) from error


def _token_type(name: str) -> str:
    return f"urn:ietf:params:oauth:token-type:{name}"


def _claims(token: str) -> dict[str, Any]:
    """What a token of ours says; its signature is for those who receive it to check."""
    try:
        payload = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
