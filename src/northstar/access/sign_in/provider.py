"""An OpenID provider: where people are sent to sign in, and who they are when they come back.

The authorization code flow of OpenID Connect Core 1.0 with PKCE (RFC 7636), carried out by Authlib.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx2

from northstar.access.addresses import is_loopback
from northstar.access.errors import BadCredentials, ForeignTokenRefused
from northstar.access.issuers import (
    LEEWAY_SECONDS,
    Issuers,
    read_unverified,
)
from northstar.access.sign_in.domain import Person, SignInSettings, person_of
from northstar.clock import Clock
from northstar.errors import Failed, Unavailable

_SCOPE = "openid profile email"
_TIMEOUT_SECONDS = 10.0
_AGAIN = "Sign in again; if that does not help, the platform's log says more."


@dataclass(frozen=True)
class Flow:
    """What belongs to one browser's one way to the provider and back.

    All three are derived from a secret that only this browser has, in a cookie: nothing is kept
    here, and an answer that was meant for another browser fits none of them.
    """

    state: str
    nonce: str
    verifier: str

    @classmethod
    def of(cls, secret: str) -> Flow:
        """The flow of the browser that has this secret."""
        return cls(*(_derived(secret, what) for what in ("state", "nonce", "verifier")))


class Provider:
    """One issuer, at which the platform is registered as a client.

    Args:
        redirect_uri: where the provider sends people back to; registered there.
    """

    def __init__(
        self, settings: SignInSettings, issuers: Issuers, clock: Clock, redirect_uri: str
    ) -> None:
        self._settings = settings
        self._issuers = issuers
        self._clock = clock
        self._redirect_uri = redirect_uri

    def authorization_url(self, flow: Flow) -> str:
        """Where the browser is sent; raises ``Unavailable`` while the provider is away."""
        place = self._endpoint("authorization_endpoint")
        with self._client() as client:
            url, _ = client.create_authorization_url(
                place, state=flow.state, nonce=flow.nonce, code_verifier=flow.verifier
            )
        return str(url)

    def check_issuer(self, named: str | None) -> None:
        """Return if an answer comes from this provider (RFC 9207); raises ``BadCredentials``."""
        metadata = self._issuers.metadata(self._settings.issuer)
        required = metadata.get("authorization_response_iss_parameter_supported") is True
        if named != self._settings.issuer and (named is not None or required):
            raise BadCredentials("The answer comes from another provider than the one asked.")

    def redeem(self, code: str, flow: Flow) -> Person:
        """Whom the provider signed in; raises ``BadCredentials``, ``Unavailable``, ``Failed``."""
        answer = self._exchange(code, flow)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise Failed(f"{self._settings.issuer} gave no id token.", hint=_AGAIN)
        claims = self._issuers.verify(token, self._settings.issuer, self._settings.client_id)
        self._check_claims(token, claims, flow, answer.get("access_token"))
        return person_of(self._settings, claims)

    def sign_out_url(self, back_to: str) -> str | None:
        """Where a person ends the session at the provider, if it says where."""
        place = self._issuers.metadata(self._settings.issuer).get("end_session_endpoint")
        if not place:
            return None
        query = {"client_id": self._settings.client_id, "post_logout_redirect_uri": back_to}
        checked = self._issuers.check_address(str(place), "end_session_endpoint")
        return f"{checked}?{urlencode(query)}"

    def _exchange(self, code: str, flow: Flow) -> Mapping[str, Any]:
        from authlib.integrations.base_client import (
            OAuthError,
        )

        place = self._endpoint("token_endpoint")
        try:
            with self._client() as client:
                answer: Mapping[str, Any] = client.fetch_token(
                    place, grant_type="authorization_code", code=code, code_verifier=flow.verifier
                )
        except OAuthError as error:
            raise BadCredentials(
                f"{self._settings.issuer} did not accept the sign-in: {error.error}.", hint=_AGAIN
            ) from error
        except httpx2.HTTPError as error:
            raise Unavailable(
                f"{self._settings.issuer} did not answer: {type(error).__name__}."
            ) from error
        except ValueError as error:
            raise Failed(f"{self._settings.issuer} answered with something else.") from error
        return answer

    def _check_claims(
        self, token: str, claims: Mapping[str, Any], flow: Flow, access_token: object
    ) -> None:
        """Nonce, authorised party and access token hash; the rest is checked with the signature."""
        from authlib.oidc.core import CodeIDToken
        from joserfc.errors import JoseError

        expected = {"nonce": flow.nonce, "client_id": self._settings.client_id}
        if isinstance(access_token, str):
            expected["access_token"] = access_token
        header, _ = read_unverified(token)
        now = int(self._clock.now().timestamp())
        try:
            CodeIDToken(claims, header, None, expected).validate(now=now, leeway=LEEWAY_SECONDS)
        except JoseError as error:
            raise ForeignTokenRefused(f"The id token is not good: {error}.", hint=_AGAIN) from error

    def _client(self) -> Any:
        from authlib.integrations.httpx_client import (
            OAuth2Client,
        )

        metadata = self._issuers.metadata(self._settings.issuer)
        offered = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        basic = "client_secret_basic" in offered
        method = "client_secret_basic" if basic else "client_secret_post"
        return OAuth2Client(
            client_id=self._settings.client_id,
            client_secret=self._settings.client_secret or None,
            token_endpoint_auth_method=method if self._settings.client_secret else "none",
            scope=_SCOPE,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            timeout=_TIMEOUT_SECONDS,
            follow_redirects=False,
            trust_env=not is_loopback(self._settings.issuer),
        )

    def _endpoint(self, name: str) -> str:
        found = self._issuers.metadata(self._settings.issuer).get(name)
        return self._issuers.check_address(str(found or ""), name)


def _derived(secret: str, what: str) -> str:
    digest = hmac.new(secret.encode(), f"northstar-sign-in-{what}".encode(), hashlib.sha256)
    return urlsafe_b64encode(digest.digest()).decode().rstrip("=")
