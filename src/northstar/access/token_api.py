"""Routes that issue tokens, and what others need to check them: OAuth 2.0 and its metadata."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any
from urllib.parse import unquote_plus

from fastapi import APIRouter, Form, Request, Response

from northstar.access.domain import Token
from northstar.access.errors import BadCredentials, UnknownGrant
from northstar.access.guard import Guard
from northstar.access.service import AccessService
from northstar.access.signing_keys import ALGORITHM
from northstar.access.tokens import STARTED_BY
from northstar.connection import PLATFORM_AUDIENCE

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
_CLIENT_CREDENTIALS = "client_credentials"
_TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a grant's name
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"  # noqa: S105 - the beginning of names
_OWN = ("", f"{_TOKEN_TYPE}access_token")
_FOREIGN = (f"{_TOKEN_TYPE}id_token", f"{_TOKEN_TYPE}jwt")
_NO_STORE = {"Cache-Control": "no-store"}
_FOR_A_MINUTE = {"Cache-Control": "public, max-age=60"}
_Word = Annotated[str, Form(max_length=255)]
_Long = Annotated[str, Form(max_length=20_000)]


class ExchangedToken(Token):
    """The answer to a token exchange (RFC 8693, section 2.2.1)."""

    issued_token_type: str = f"{_TOKEN_TYPE}access_token"


def router(service: AccessService, guard: Guard) -> APIRouter:
    """The token route, the keys, and the metadata that leads to both."""
    routes = APIRouter(tags=["access"])
    _issuing(routes, service, guard)
    _published(routes, service, guard)
    return routes


def _issuing(routes: APIRouter, service: AccessService, guard: Guard) -> None:
    proves_itself = guard.proof("the request carries the secret or token that it exchanges")

    @routes.post(TOKEN_PATH, dependencies=[proves_itself])
    def token(
        request: Request,
        response: Response,
        grant_type: _Word,
        audience: _Word = PLATFORM_AUDIENCE,
        client_id: _Word = "",
        client_secret: _Word = "",
        client_assertion_type: _Word = "",
        client_assertion: _Long = "",
        subject_token: _Long = "",
        subject_token_type: _Word = "",
    ) -> Token | ExchangedToken:
        response.headers.update(_NO_STORE)
        if grant_type == _TOKEN_EXCHANGE:
            if subject_token_type in _FOREIGN:
                issued = service.federate(client_id, subject_token, audience)
            elif subject_token_type in _OWN:
                issued = service.exchange(subject_token, audience)
            else:
                raise UnknownGrant(
                    f"{subject_token_type!r} is not a kind of token that can be exchanged here.",
                    hint=f"Use one of {', '.join((_OWN[1], *_FOREIGN))}.",
                )
            return ExchangedToken(**issued.model_dump())
        if grant_type != _CLIENT_CREDENTIALS:
            raise UnknownGrant(
                f"{grant_type!r} is not a grant that is known here.",
                hint=f"Use {_CLIENT_CREDENTIALS} or {_TOKEN_EXCHANGE}.",
            )
        if client_assertion:
            if client_assertion_type != _JWT_BEARER:
                raise UnknownGrant(f"A client_assertion must be of the type {_JWT_BEARER}.")
            return service.client_assertion(client_id, client_assertion, audience)
        if basic := request.headers.get("authorization"):
            client_id, client_secret = _basic(basic)
        return service.client_credentials(client_id, client_secret, audience)


def _published(routes: APIRouter, service: AccessService, guard: Guard) -> None:
    everybody = [guard.public("public keys are public")]

    @routes.get("/.well-known/jwks.json", dependencies=everybody)
    def keys(response: Response) -> dict[str, Any]:
        response.headers.update(_FOR_A_MINUTE)
        return service.tokens.keys.jwks()

    @routes.get("/.well-known/openid-configuration", dependencies=everybody)
    @routes.get("/.well-known/oauth-authorization-server", dependencies=everybody)
    def metadata(response: Response) -> dict[str, Any]:
        response.headers.update(_FOR_A_MINUTE)
        return _metadata(service.tokens.issuer)


def _metadata(issuer: str) -> dict[str, Any]:
    """RFC 8414. There is no authorization endpoint: people sign in elsewhere, programs here."""
    return {
        "issuer": issuer,
        "token_endpoint": issuer + TOKEN_PATH,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "grant_types_supported": [_CLIENT_CREDENTIALS, _TOKEN_EXCHANGE],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": [
            "client_secret_post",
            "client_secret_basic",
            "private_key_jwt",
        ],
        "token_endpoint_auth_signing_alg_values_supported": ["ES256", "ES384", "RS256", "PS256"],
        "claims_supported": [
            *("iss", "sub", "aud", "iat", "exp", "jti", "name", "kind", "federated"),
            STARTED_BY,
        ],
    }


def _basic(header: str) -> tuple[str, str]:
    """Client id and secret of an ``Authorization: Basic`` header (RFC 6749, section 2.3.1)."""
    scheme, _, value = header.partition(" ")
    unreadable = BadCredentials("The Authorization header can't be read as Basic.")
    if scheme.lower() != "basic":
        raise unreadable
    try:
        decoded = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise unreadable from error
    # ids hold a colon themselves, encoded or not; secrets hold none
    client_id, _, secret = decoded.rpartition(":")
    return unquote_plus(client_id), unquote_plus(secret)
