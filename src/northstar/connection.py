"""The way from a client to the control plane: where it is, who is asking, and one HTTP session.

A connection is found in this order: arguments, the environment (``NORTHSTAR_URL`` with
``NORTHSTAR_TOKEN``, or with ``NORTHSTAR_CLIENT_ID`` and ``NORTHSTAR_CLIENT_SECRET``), the profile
that ``northstar login`` wrote, and the ``connection.json`` of an embedded platform in the nearest
``.northstar`` folder at or above the working directory.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from northstar.errors import BY_CODE, Failed, Invalid, NorthstarError, Unauthenticated, Unavailable

PLATFORM_AUDIENCE = "northstar"
_TIMEOUT_SECONDS = 60.0
_RENEW_BEFORE_SECONDS = 30.0


@dataclass(frozen=True)
class Credentials:
    """Who is asking: a ready token, or a client id and secret that are exchanged for one."""

    url: str
    token: str = ""
    client_id: str = ""
    client_secret: str = ""


def profile_path() -> Path:
    """The file in which ``northstar login`` keeps a connection (mode 0600)."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "northstar" / "connection.json"


def find_credentials(
    environ: Mapping[str, str] | None = None, start: Path | None = None
) -> Credentials:
    """Find out where the platform is and who is asking.

    Raises ``Unauthenticated`` with the ways to connect when nothing was found.
    """
    env = os.environ if environ is None else environ
    if url := env.get("NORTHSTAR_URL"):
        found = Credentials(
            url.rstrip("/"),
            env.get("NORTHSTAR_TOKEN", ""),
            env.get("NORTHSTAR_CLIENT_ID", ""),
            env.get("NORTHSTAR_CLIENT_SECRET", ""),
        )
        if found.token or (found.client_id and found.client_secret):
            return found
        raise Unauthenticated(
            f"NORTHSTAR_URL is {url}, but nothing says who is asking.",
            hint="Set NORTHSTAR_TOKEN, or NORTHSTAR_CLIENT_ID and NORTHSTAR_CLIENT_SECRET.",
        )
    folder = (start or Path.cwd()).resolve()
    embedded = [parent / ".northstar" / "connection.json" for parent in (folder, *folder.parents)]
    for path in (profile_path(), *embedded):
        if path.is_file():
            try:
                known = json.loads(path.read_text())
                return Credentials(
                    known["url"].rstrip("/"),
                    client_id=known["client_id"],
                    client_secret=known["client_secret"],
                )
            except (ValueError, KeyError, TypeError) as error:
                raise Invalid(
                    f"{path} is not a connection file.", hint="Remove it and connect again."
                ) from error
    raise Unauthenticated(
        "No platform to talk to was found.",
        hint="Start one with `northstar up` (here or in a folder above), "
        "use `northstar login URL`, or set NORTHSTAR_URL and NORTHSTAR_TOKEN.",
    )


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
        self._tokens: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the session's sockets."""
        self._http.close()

    def token(self, audience: str = PLATFORM_AUDIENCE) -> str:
        """A valid token for ``audience``: the platform itself, or an endpoint's name.

        Raises ``Unauthenticated`` for a wrong secret, ``Denied`` where the caller has no right to
        the audience.
        """
        own = self._credentials
        if own.token and audience == PLATFORM_AUDIENCE:
            return own.token
        with self._lock:
            token, renew_at = self._tokens.get(audience, ("", 0.0))
            if time.monotonic() < renew_at:
                return token
            if own.client_secret:
                form = {
                    "grant_type": "client_credentials",
                    "client_id": own.client_id,
                    "client_secret": own.client_secret,
                    "audience": audience,
                }
            else:
                form = {
                    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                    "subject_token": own.token,
                    "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
                    "audience": audience,
                }
            answer = _checked(self._send("POST", "/oauth/token", data=form))
            lifetime = float(answer["expires_in"])
            renew_at = time.monotonic() + max(lifetime - _RENEW_BEFORE_SECONDS, lifetime / 2)
            self._tokens[audience] = (answer["access_token"], renew_at)
            return str(answer["access_token"])

    def get(self, path: str, **params: Any) -> Any:
        """``GET`` as JSON; parameters that are ``None`` are left out."""
        wanted = {key: value for key, value in params.items() if value is not None}
        return self.request("GET", path, params=wanted)

    def post(self, path: str, body: Any = None) -> Any:
        """``POST`` a JSON body and return the JSON answer."""
        return self.request("POST", path, json=body)

    def delete(self, path: str) -> Any:
        """``DELETE`` and return the JSON answer."""
        return self.request("DELETE", path)

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Send one authenticated request and return its decoded JSON (``None`` when empty)."""
        headers = {**options.pop("headers", {}), "Authorization": f"Bearer {self.token()}"}
        return _checked(self._send(method, path, headers=headers, **options))

    def _send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        try:
            return self._http.request(method, path, **options)
        except httpx2.TransportError as error:
            raise Unavailable(
                f"The platform at {self.url} did not answer: {error}.",
                hint="Is it running? Start the embedded one with `northstar up`.",
            ) from error


def _checked(response: httpx2.Response) -> Any:
    if response.is_success:
        return response.json() if response.content else None
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
