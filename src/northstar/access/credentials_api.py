"""Routes of credentials: a principal's secrets, certificates and trusts, and their end."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from northstar.access.credentials.domain import (
    Credential,
    CredentialKind,
    HeldTrust,
    Trust,
)
from northstar.access.domain import Principal, Secret
from northstar.access.guard import Guard, caller
from northstar.access.service import AccessService
from northstar.errors import Denied
from northstar.names import Scope

_Text = Annotated[str, Field(max_length=255)]


class NewSecret(BaseModel):
    """How long a secret holds, and how long those before it; for good, when nothing is said."""

    days: Annotated[float, Field(gt=0, le=3650)] | None = None
    older_end_after_hours: Annotated[float, Field(ge=0, le=24 * 365)] | None = None


class NewCertificate(BaseModel):
    """A certificate, or a public key, in PEM."""

    pem: Annotated[str, Field(max_length=20_000)]


class NewTrust(BaseModel):
    """Whose tokens are trusted to be the principal."""

    issuer: _Text
    audience: _Text
    subject: _Text


class Rotation(BaseModel):
    """Whether the old keys are withdrawn at once."""

    at_once: bool = False


class SigningKey(BaseModel):
    """The id of a key that tokens are signed with."""

    kid: str


def router(service: AccessService, guard: Guard) -> APIRouter:
    """List, add and withdraw; a principal's own secrets and tokens it may see to itself."""
    routes = APIRouter(prefix="/api/principals/{principal}", tags=["access"])
    _own(routes, service, guard)
    _administered(routes, service, guard)
    everything = APIRouter(tags=["access"])
    everything.include_router(routes)
    _keys(everything, service, guard)
    return everything


def _keys(routes: APIRouter, service: AccessService, guard: Guard) -> None:
    @routes.post("/api/signing-keys", status_code=201, dependencies=[guard("key:rotate")])
    def rotate(body: Rotation) -> SigningKey:
        return SigningKey(kid=service.tokens.keys.rotate(at_once=body.at_once))


def _own(routes: APIRouter, service: AccessService, guard: Guard) -> None:
    mine = [guard.authenticated("principal:create")]

    @routes.get("/credentials", dependencies=mine)
    def credentials(principal: str, request: Request) -> list[Credential]:
        _check(service, request, principal, own=True)
        return service.credentials.of(principal)

    @routes.get("/credentials/trust/{number}", dependencies=mine)
    def trust(principal: str, number: int, request: Request) -> HeldTrust:
        _check(service, request, principal, own=True)
        return service.credentials.trust(principal, number)

    @routes.post("/secrets", status_code=201, dependencies=mine)
    def new_secret(principal: str, request: Request, body: NewSecret | None = None) -> Secret:
        who = _check(service, request, principal, own=True)
        held = service.credentials.of(principal)
        if who.kind != "user" and not any(one.kind == "secret" for one in held):
            # What is known by a trusted issuer's token must not make a lasting secret of it.
            service.check(who, "principal:create", Scope())
        wanted = body or NewSecret()
        hours = wanted.older_end_after_hours
        made = service.directory.new_secret(
            principal,
            older_end_after=None if hours is None else timedelta(hours=hours),
            lasts=timedelta(days=wanted.days) if wanted.days else None,
        )
        service.audit.record(who.id, "principal:secret", Scope(), "done", {"principal": principal})
        return made

    @routes.post("/revocation", status_code=204, dependencies=mine)
    def revoke(principal: str, request: Request) -> None:
        who = caller(request)
        if principal != who.id:
            service.check(who, "principal:delete", Scope())
        service.directory.revoke_tokens(principal)
        service.audit.record(who.id, "principal:revoke", Scope(), "done", {"principal": principal})

    @routes.delete("/credentials/{kind}/{number}", status_code=204, dependencies=mine)
    def remove(principal: str, kind: CredentialKind, number: int, request: Request) -> None:
        who = _check(service, request, principal, own=kind == "secret")
        service.credentials.remove(principal, kind, number)
        detail = {"principal": principal, "credential": f"{kind} {number}"}
        service.audit.record(who.id, "principal:withdraw", Scope(), "done", {**detail})


def _administered(routes: APIRouter, service: AccessService, guard: Guard) -> None:
    others = [guard.authenticated("principal:create")]

    @routes.post("/certificates", status_code=201, dependencies=others)
    def new_certificate(principal: str, body: NewCertificate, request: Request) -> Credential:
        who = _check(service, request, principal)
        made = service.credentials.add_certificate(principal, body.pem)
        _record(service, who, "principal:certificate", principal, made)
        return made

    @routes.post("/trusts", status_code=201, dependencies=others)
    def new_trust(principal: str, body: NewTrust, request: Request) -> Credential:
        who = _check(service, request, principal)
        made = service.credentials.add_trust(principal, Trust(**body.model_dump()))
        _record(service, who, "principal:trust", principal, made)
        return made


def _check(
    service: AccessService, request: Request, principal: str, *, own: bool = False
) -> Principal:
    """Return the caller, if they may change the credentials of ``principal``."""
    who = caller(request)
    if not (own and principal == who.id):
        service.check(who, "principal:create", Scope())
    if service.directory.get(principal).kind not in ("user", "service"):
        raise Denied(f"{principal} gets its credentials from the platform.")
    return who


def _record(
    service: AccessService, who: Principal, action: str, principal: str, made: Credential
) -> None:
    detail = {"principal": principal, "credential": f"{made.kind} {made.number}"}
    service.audit.record(who.id, action, Scope(), "done", {**detail, "about": made.about})
