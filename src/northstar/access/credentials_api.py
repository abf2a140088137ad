"""Routes of credentials: a principal's secrets, certificates and trusts, and their end."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, JsonValue

from northstar.access.credentials.domain import (
    SOON_DAYS,
    Credential,
    CredentialKind,
    EndingCredential,
    HeldTrust,
    NewTrust,
)
from northstar.access.domain import (
    DEFAULT_SECRET_DAYS,
    LONGEST_SECRET_DAYS,
    Decision,
    Secret,
    SecretDays,
    home_of,
)
from northstar.access.ending_credentials import ending_seen_by
from northstar.access.errors import NotAllowed
from northstar.access.guard import Guard, caller, is_federated, proven_at
from northstar.access.role_giving import check_credential, no_longer
from northstar.access.service import AccessService
from northstar.errors import Denied

_FRESH_SECONDS = 300
_Days = Annotated[float, Query(gt=0, le=LONGEST_SECRET_DAYS)]


class NewSecret(BaseModel):
    """How long a secret holds, and how long those before it: as they do, when nothing is said."""

    days: SecretDays = DEFAULT_SECRET_DAYS
    older_end_after_hours: Annotated[float, Field(ge=0, le=24 * 365)] | None = None


class NewCertificate(BaseModel):
    """A certificate, or a public key, in PEM."""

    pem: Annotated[str, Field(max_length=20_000)]


class Rotation(BaseModel):
    """Whether the old keys are withdrawn at once."""

    at_once: bool = False


class SigningKey(BaseModel):
    """The id of a key that tokens are signed with."""

    kid: str


def router(service: AccessService, guard: Guard) -> APIRouter:
    """List, add and withdraw; people and services may see to their own secrets and tokens."""
    routes = APIRouter(prefix="/api/principals/{principal:path}", tags=["access"])
    _own(routes, service, guard)
    _administered(routes, service, guard)
    everything = APIRouter(tags=["access"])
    everything.include_router(routes)
    _ending(everything, service, guard)
    _keys(everything, service, guard)
    return everything


def _ending(routes: APIRouter, service: AccessService, guard: Guard) -> None:
    @routes.get("/api/credentials/ending", dependencies=[guard.authenticated("principal:read")])
    def ending(request: Request, days: _Days = SOON_DAYS) -> list[EndingCredential]:
        return ending_seen_by(service, caller(request), timedelta(days=days))


def _keys(routes: APIRouter, service: AccessService, guard: Guard) -> None:
    @routes.post("/api/signing-keys", status_code=201, dependencies=[guard("key:rotate")])
    def rotate(body: Rotation, request: Request) -> SigningKey:
        by = caller(request).id
        return SigningKey(kid=service.tokens.keys.rotate(by, at_once=body.at_once))


def _own(routes: APIRouter, service: AccessService, guard: Guard) -> None:
    mine = [guard.authenticated("principal:create")]

    @routes.get("/credentials", dependencies=mine)
    def credentials(principal: str, request: Request) -> list[Credential]:
        _check(service, request, principal, own=True)
        return service.credentials.of(principal)

    @routes.get("/credentials/trust/{number:int}", dependencies=mine)
    def trust(principal: str, number: int, request: Request) -> HeldTrust:
        _check(service, request, principal, own=True)
        return service.credentials.trust(principal, number)

    @routes.post("/secrets", status_code=201, dependencies=mine)
    def new_secret(principal: str, request: Request, body: NewSecret | None = None) -> Secret:
        decision = _check(service, request, principal, own=True)
        _refuse_the_platforms(service, principal)
        who = caller(request)
        if who.id == principal:
            decision = _check_own_secret(service, request)
        wanted = body or NewSecret()
        hours = wanted.older_end_after_hours
        return service.directory.new_secret(
            principal,
            who.id,
            older_end_after=None if hours is None else timedelta(hours=hours),
            lasts=no_longer(service, decision, timedelta(days=wanted.days)),
            policies=decision.reasons,
        )

    @routes.post("/revocation", status_code=204, dependencies=mine)
    def revoke(principal: str, request: Request) -> None:
        allowed = _check(service, request, principal, "principal:delete", own=True)
        service.directory.revoke_tokens(principal, caller(request).id, allowed.reasons)

    @routes.delete("/credentials/{kind}/{number:int}", status_code=204, dependencies=mine)
    def remove(principal: str, kind: CredentialKind, number: int, request: Request) -> None:
        allowed = _check(service, request, principal, own=kind == "secret")
        service.credentials.remove(principal, kind, number, caller(request).id, allowed.reasons)


def _administered(routes: APIRouter, service: AccessService, guard: Guard) -> None:
    others = [guard.authenticated("principal:create")]

    @routes.post("/certificates", status_code=201, dependencies=others)
    def new_certificate(principal: str, body: NewCertificate, request: Request) -> Credential:
        allowed = _check(service, request, principal)
        _refuse_the_platforms(service, principal)
        who = caller(request).id
        return service.credentials.add_certificate(principal, body.pem, who, allowed.reasons)

    @routes.post("/trusts", status_code=201, dependencies=others)
    def new_trust(principal: str, body: NewTrust, request: Request) -> Credential:
        allowed = _check_trusted(service, request, principal)
        return service.credentials.add_trust(principal, body, caller(request).id, allowed.reasons)

    @routes.patch("/credentials/trust/{number:int}", dependencies=others)
    def change_trust(principal: str, number: int, body: NewTrust, request: Request) -> HeldTrust:
        allowed = _check_trusted(service, request, principal)
        who = caller(request).id
        return service.credentials.change_trust(principal, number, body, who, allowed.reasons)


def _check(
    service: AccessService,
    request: Request,
    principal: str,
    action: str = "principal:create",
    *,
    own: bool = False,
) -> Decision:
    """What lets the caller do this to the credentials of ``principal``.

    Raises ``NotAllowed``, ``NotFound``.

    Args:
        own: whether people and services may do it to their own.
    """
    who = caller(request)
    # A managed identity is shared by all processes of its project: none of them speaks for it.
    if own and principal == who.id and who.kind in ("user", "service"):
        return Decision(allowed=True)
    decision = service.check(who, action, home_of(principal))
    service.directory.get(principal)
    if action == "principal:create":
        check_credential(service, who, principal, decision)
    return decision


def _check_trusted(service: AccessService, request: Request, principal: str) -> Decision:
    """What lets the caller say whose tokens prove that somebody is ``principal``."""
    decision = _check(service, request, principal)
    _refuse_the_platforms(service, principal)
    if principal.startswith("user:"):
        raise Denied(
            f"{principal} is a person, and a pipeline's token is none.",
            hint="Make a service for the pipeline: `northstar principal create service:NAME`.",
        )
    return decision


def _check_own_secret(service: AccessService, request: Request) -> Decision:
    """What lets somebody make themselves another secret; raises ``NotAllowed``.

    What is known by a token, which ends within the hour, must not make of it what lasts for months:
    a token that was found in a log is worth no more than its hour. So whoever asks has proven
    themselves just now; and a program that brought another issuer's token, or has no secret that
    holds, needs the right to make credentials.
    """
    who = caller(request)
    if who.kind != "user" and (is_federated(request) or not _has_secret(service, who.id)):
        return service.check(who, "principal:create", home_of(who.id))
    if service.seconds_since(proven_at(request)) > _FRESH_SECONDS:
        told: dict[str, JsonValue] = {"principal": who.id, "reason": "the proof is too old"}
        service.audit.record(who.id, "principal:secret", home_of(who.id), "denied", told)
        raise NotAllowed(
            f"{who.id} proved who they are more than {_FRESH_SECONDS // 60} minutes ago, and a "
            "secret of one's own takes a fresh proof.",
            hint="Get a new token with your secret, or sign in to the pages anew.",
        )
    return Decision(allowed=True)


def _has_secret(service: AccessService, principal: str) -> bool:
    ends = [one.expires_at for one in service.credentials.of(principal) if one.kind == "secret"]
    return any(end is None or service.seconds_since(end.timestamp()) < 0 for end in ends)


def _refuse_the_platforms(service: AccessService, principal: str) -> None:
    if service.directory.get(principal).kind not in ("user", "service"):
        raise Denied(f"{principal} gets its credentials from the platform.")
