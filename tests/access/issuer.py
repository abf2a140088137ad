"""An issuer of tokens on this machine: a small, real OpenID provider over HTTP, and its faults."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT = "northstar-platform"
SECRET = "the-provider's-secret"


def new_key() -> RSAKey:
    key = RSAKey.generate_key(2048, parameters={"use": "sig"}, private=True)
    key.ensure_kid()
    return key


def signed_with_the_public_key(key: Any, claims: dict[str, Any], kid: str = "") -> str:
    """The confusion of algorithms: an HMAC whose secret is what everybody may read."""
    header = {"alg": "HS256", "kid": kid}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in (header, claims)
    ]
    text = ".".join(parts)
    digest = hmac.digest(key.as_pem(private=False), text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


@functools.cache
def usual_key() -> RSAKey:
    """The same for all issuers of a test run: making one takes long."""
    return new_key()


@dataclass
class Issuer:
    """Signs tokens; answers discovery, keys, authorisation and token requests.

    What a test changes: ``person`` (the claims of who signs in), ``override`` (claims of the next
    id tokens that replace the right ones), ``metadata`` (replaces parts of the document), ``keys``.
    """

    person: dict[str, Any] = field(default_factory=dict)
    override: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    signing: RSAKey | ECKey = field(default_factory=usual_key)
    broken: bool = False

    def __post_init__(self) -> None:
        self.keys: list[dict[str, Any]] = [self.signing.as_dict(private=False)]
        self._codes: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def token(self, header: dict[str, Any] | None = None, key: Any = None, **claims: Any) -> str:
        """A signed token; a claim of ``None`` is left out."""
        now = int(time.time())
        said = {"iss": self.url, "iat": now, "exp": now + 300, "jti": secrets.token_hex(8)} | claims
        kept = {name: value for name, value in said.items() if value is not None}
        algorithm = "ES256" if isinstance(self.signing, ECKey) else "RS256"
        told = {"alg": algorithm, "kid": self.signing.kid} | (header or {})
        return jwt.encode(told, kept, key or self.signing, algorithms=[told["alg"]])

    def document(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "end_session_endpoint": f"{self.url}/logout",
        } | self.metadata

    def authorize(self, query: dict[str, str]) -> str:
        """The person is known at once; where their browser is sent back to."""
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        answer = {"code": code, "state": query["state"]}
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def redeem(self, form: dict[str, str], authorization: str) -> dict[str, Any]:
        asked = self._codes.pop(form["code"], None)
        expected = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if authorization.removeprefix("Basic ") != expected:
            return {"error": "invalid_client"}
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or asked["code_challenge"] != challenge:
            return {"error": "invalid_grant"}
        if asked["redirect_uri"] != form["redirect_uri"]:
            return {"error": "invalid_grant"}
        said = {"aud": CLIENT, "nonce": asked["nonce"], **self.person, **self.override}
        return {"access_token": "opaque", "token_type": "Bearer", "id_token": self.token(**said)}


def _handler(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            issuer.requests.append(parts.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if issuer.broken:
                self._send(500, {})
            elif parts.path == "/.well-known/openid-configuration":
                self._send(200, issuer.document())
            elif parts.path == "/keys":
                self._send(200, {"keys": issuer.keys})
            elif parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", issuer.authorize(query))
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._send(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            answer = issuer.redeem(form, self.headers.get("Authorization", ""))
            self._send(400 if "error" in answer else 200, answer)

        def _send(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    return Handler
