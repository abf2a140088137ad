"""Azure's managed-identity protocol on loopback, for one process and what it starts.

A process of the platform that runs a squad's code (``northstar run``, an endpoint's agent)
answers as Azure App Service does, so that ``ManagedIdentityCredential`` and
``DefaultAzureCredential`` get a token here without being told anything of Northstar:

``GET $IDENTITY_ENDPOINT?api-version=2019-08-01&resource=R``, header ``X-IDENTITY-HEADER``

It serves as long as its process lives, and knows no more than that process does: the tokens are
those of the run or endpoint itself. Tokens are remembered until they are renewed, so the code goes
on for a while when the control plane is away. The header's secret keeps out other users of the
machine; requests that were forwarded, or meant for another host (a browser that was led here), are
refused.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Mapping
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import httpx2

from northstar.connection.session import PLATFORM_AUDIENCE, Granted
from northstar.errors import Denied, Invalid, NorthstarError, Unavailable

IDENTITY_ENDPOINT = "IDENTITY_ENDPOINT"
IDENTITY_HEADER = "IDENTITY_HEADER"
API_VERSION = "2019-08-01"
_PATH = "/identity/token"
_URI = "api://northstar"
_HEADER = "X-IDENTITY-HEADER"
_FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")
_AT_LEAST_SECONDS = 600.0  # Azure's library asks again when less than five minutes are left
_PATIENCE_SECONDS = 15.0


class TokenSource(Protocol):
    """Gets tokens of the identity that is served; ``Connection`` is one."""

    def grant(self, audience: str, at_least_seconds: float) -> Granted:
        """A token for an audience; raises ``NorthstarError``."""
        ...


class IdentityEndpoint:
    """Serves tokens to the processes that get ``environment``, from now until ``close``.

    Args:
        source: whose tokens they are.
        outer: this process's own environment; where Azure is around it, resources of Azure are
            asked of Azure.
    """

    def __init__(self, source: TokenSource, outer: Mapping[str, str] | None = None) -> None:
        answers = _Answers(source, outer or {})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answers))
        self._server.daemon_threads = True
        port = self._server.server_address[1]
        answers.hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        self.environment = {
            IDENTITY_ENDPOINT: f"http://127.0.0.1:{port}{_PATH}",
            IDENTITY_HEADER: answers.secret,
        }
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="identity", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving; the header's secret is worth nothing from now on."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Refusal(Exception):
    """An answer other than a token."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class _Answers:
    """Decides on requests; knows nothing of sockets."""

    def __init__(self, source: TokenSource, outer: Mapping[str, str]) -> None:
        self.secret = secrets.token_urlsafe(32)
        self.hosts: tuple[str, ...] = ()
        self._source = source
        self._outer = {name: outer.get(name, "") for name in (IDENTITY_ENDPOINT, IDENTITY_HEADER)}

    def answer(self, target: str, headers: Message) -> dict[str, str]:
        """The token that a request gets; raises ``_Refusal``."""
        self._check_sender(headers)
        parts = urlsplit(target)
        if parts.path != _PATH:
            raise _Refusal(404, "not_found", f"Ask {_PATH}.")
        query = parse_qs(parts.query, keep_blank_values=True)
        if any(len(values) > 1 for values in query.values()):
            raise _Refusal(400, "invalid_request", "A parameter is there more than once.")
        asked = {name: values[0] for name, values in query.items()}
        if asked.get("api-version") != API_VERSION:
            raise _Refusal(400, "invalid_request", f"api-version must be {API_VERSION}.")
        resource = asked.get("resource", "")
        audience = _audience(resource)
        if audience is None:
            return self._ask_azure(asked)
        return self._token(audience, resource, asked.get("client_id", ""))

    def _check_sender(self, headers: Message) -> None:
        forwarded = [name for name in _FORWARDED if headers.get(name) is not None]
        if forwarded or headers.get("Host") not in self.hosts:
            raise _Refusal(
                403, "access_denied", "Only processes of this machine may ask, directly."
            )
        presented = (headers.get(_HEADER) or "").encode("latin-1", "replace")
        if not hmac.compare_digest(presented, self.secret.encode()):
            raise _Refusal(401, "unauthorized_client", f"{_HEADER} is missing or wrong.")

    def _token(self, audience: str, resource: str, client_id: str) -> dict[str, str]:
        try:
            granted = self._source.grant(audience, _AT_LEAST_SECONDS)
        except NorthstarError as error:
            raise _refusal(error) from error
        if client_id and client_id != granted.principal:
            raise _Refusal(
                400,
                "invalid_request",
                f"The identity here is {granted.principal}; ask for no other.",
            )
        return {
            "access_token": granted.token,
            "expires_on": str(int(granted.expires_at)),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": granted.principal,
        }

    def _ask_azure(self, asked: Mapping[str, str]) -> dict[str, str]:
        place, secret = self._outer[IDENTITY_ENDPOINT], self._outer[IDENTITY_HEADER]
        if not place or not secret:
            raise _Refusal(
                400,
                "invalid_resource",
                f"Northstar gives no tokens for {asked.get('resource', '')[:200]!r}. It knows "
                f"{_URI} and {_URI}/SQUAD/PROJECT/ENVIRONMENT; resources of Azure are asked of "
                "Azure, which is not around this process.",
            )
        try:
            answer = httpx2.get(
                place,
                params=dict(asked),
                headers={_HEADER: secret, "Metadata": "true"},
                timeout=_PATIENCE_SECONDS,
                trust_env=False,
            )
            found: dict[str, str] = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise _Refusal(503, "temporarily_unavailable", "Azure did not answer.") from error
        if not answer.is_success:
            told = str(found.get("message", ""))[:500]
            raise _Refusal(answer.status_code, "invalid_resource", f"Azure: {told}")
        return found


def _audience(resource: str) -> str | None:
    """The platform's audience or an endpoint's; ``None`` for what is not ours."""
    if resource in (PLATFORM_AUDIENCE, _URI):
        return PLATFORM_AUDIENCE
    if resource.startswith(f"{_URI}/"):
        return resource.removeprefix(f"{_URI}/")
    return None


def _refusal(error: NorthstarError) -> _Refusal:
    if isinstance(error, Unavailable):
        return _Refusal(503, "temporarily_unavailable", error.message)
    if isinstance(error, Denied):
        return _Refusal(403, "access_denied", error.message)
    if isinstance(error, Invalid):
        return _Refusal(400, "invalid_resource", error.message)
    return _Refusal(500, "server_error", error.message)


def _handler(answers: _Answers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE_SECONDS

        def do_GET(self) -> None:
            try:
                status, body = 200, answers.answer(self.path, self.headers)
            except _Refusal as refusal:
                status = refusal.status
                # `message` is what Azure's library shows, the other two what OAuth calls them.
                body = {
                    "statusCode": str(status),
                    "message": refusal.message,
                    "error": refusal.code,
                    "error_description": refusal.message,
                }
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(content)

        def version_string(self) -> str:
            return "northstar"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base names it
            """Say nothing: the code's own log is no place for it."""

    return Handler
