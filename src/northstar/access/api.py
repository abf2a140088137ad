"""Routes of access: tokens and keys, signing in, principals and roles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from northstar.access import credentials_api, token_api
from northstar.access.callers import is_same_origin, session_cookie
from northstar.access.domain import (
    ROLE_MEANINGS,
    Identity,
    NewAssignment,
    NewPrincipal,
    Principal,
    RoleAssignment,
    Secret,
    home_of,
    principal_of,
)
from northstar.access.errors import BadCredentials, NotAllowed
from northstar.access.guard import Guard, caller, proven_at
from northstar.access.role_giving import (
    check_credential,
    give_role,
    no_longer,
    read_role,
    take_role,
)
from northstar.access.service import AccessService
from northstar.access.session_cookies import NO_STORE, signed_in
from northstar.access.sessions import COOKIE
from northstar.errors import Invalid
from northstar.names import Scope

_ID = Annotated[str, Field(max_length=255)]


class LinkRequest(BaseModel):
    """Whom a sign-in link is for; the caller, when nobody is named."""

    principal: _ID = ""


class Link(BaseModel):
    """A sign-in link; it works once."""

    url: str


class Role(BaseModel):
    """A role and what it is for."""

    name: str
    meaning: str


def router(service: AccessService, guard: Guard) -> APIRouter:
    """Everything that access answers over HTTP."""
    routes = APIRouter(tags=["access"])
    routes.include_router(token_api.router(service, guard))
    routes.include_router(credentials_api.router(service, guard))  # before /{principal:path}
    _who(routes, service, guard)
    _signing_in(routes, service, guard)
    _principals(routes, service, guard)
    _roles(routes, service, guard)
    return routes


def _who(routes: APIRouter, service: AccessService, guard: Guard) -> None:
    @routes.get("/api/me", dependencies=[guard("self:read")])
    def me(request: Request) -> Identity:
        return service.directory.identity(caller(request))


def _signing_in(routes: APIRouter, service: AccessService, guard: Guard) -> None:
    @routes.post("/api/sign-in-links", status_code=201, dependencies=[guard("session:create")])
    def sign_in_link(body: LinkRequest, request: Request) -> Link:
        who = caller(request)
        wanted = body.principal or who.id
        if wanted != who.id:
            decision = service.check(who, "principal:create", Scope())
            check_credential(service, who, wanted, decision)
        if not wanted.startswith("user:"):
            raise Invalid(f"{wanted} is a program; the pages are for people.")
        # A link to oneself proves no more than what it was asked for with.
        proven = datetime.fromtimestamp(proven_at(request), UTC) if wanted == who.id else None
        return Link(url=service.sign_in_link(wanted, who.id, proven))

    @routes.get("/sign-in", dependencies=[guard.proof("the link's code is the proof")])
    def sign_in(code: Annotated[str, Query(max_length=255)], request: Request) -> RedirectResponse:
        if not is_same_origin(request.headers):
            raise BadCredentials(
                "A page of another site led here; it could sign you in as somebody else.",
                hint="Copy the link into the address bar yourself.",
            )
        cookie = service.sign_in(code, replaces=session_cookie(request.headers.get("cookie", "")))
        return signed_in(cookie, "/", secure=service.tokens.issuer.startswith("https:"))

    @routes.post("/sign-out", dependencies=[guard.authenticated("session:create")])
    def sign_out(request: Request) -> RedirectResponse:
        service.sessions.end(session_cookie(request.headers.get("cookie", "")))
        answer = RedirectResponse("/", status_code=303, headers=NO_STORE)
        answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return answer


def _principals(routes: APIRouter, service: AccessService, guard: Guard) -> None:
    directory = service.directory

    @routes.post(
        "/api/principals", status_code=201, dependencies=[guard.authenticated("principal:create")]
    )
    def create(body: NewPrincipal, request: Request) -> Secret:
        who, made = caller(request), principal_of(body.kind, body.name)
        home = home_of(made.id)
        try:
            decision = service.check(who, "principal:create", home)
        except NotAllowed as error:
            if made.kind == "service" and home == Scope():
                own = f"A squad's owner makes its services: service:SQUAD/{made.name}."
                raise NotAllowed(error.message, hint=f"{own} {error.hint}") from error
            raise
        service.require_place(home)
        return directory.create(
            body.kind,
            body.name,
            who.id,
            with_secret=body.secret,
            lasts=no_longer(service, decision, timedelta(days=body.days)),
            policies=decision.reasons,
        )

    @routes.get("/api/principals", dependencies=[guard.authenticated("principal:read")])
    def principals(request: Request) -> list[Principal]:
        who = caller(request)
        found = directory.principals()
        return [one for one in found if service.allowed(who, "principal:read", home_of(one.id))]

    @routes.get(
        "/api/principals/{principal:path}", dependencies=[guard.authenticated("principal:read")]
    )
    def principal(principal: str, request: Request) -> Principal:
        service.check(caller(request), "principal:read", home_of(principal))
        return directory.get(principal)

    @routes.delete(
        "/api/principals/{principal:path}",
        status_code=204,
        dependencies=[guard.authenticated("principal:delete")],
    )
    def delete(principal: str, request: Request) -> None:
        who = caller(request)
        allowed = service.check(who, "principal:delete", home_of(principal)).reasons
        directory.delete(principal, who.id, allowed)


def _roles(routes: APIRouter, service: AccessService, guard: Guard) -> None:
    directory = service.directory
    place = "/api/role-assignments"

    @routes.get("/api/roles", dependencies=[guard("self:read")])
    def roles() -> list[Role]:
        return [Role(name=name, meaning=meaning) for name, meaning in ROLE_MEANINGS.items()]

    @routes.get(place, dependencies=[guard.authenticated("role:read")])
    def assignments(
        request: Request, principal: str | None = None, scope: str | None = None
    ) -> list[RoleAssignment]:
        who = caller(request)
        around = None if scope is None else Scope.parse(scope)
        return [
            held
            for held in directory.assignments(principal, around)
            if held.principal == who.id
            or service.allowed(who, "role:read", Scope.parse(held.scope))
        ]

    @routes.post(place, status_code=201, dependencies=[guard.authenticated("role:assign")])
    def assign(body: NewAssignment, request: Request) -> RoleAssignment:
        scope = Scope.parse(body.scope)
        return give_role(
            service, caller(request), body.principal, body.role, scope, body.expires_at
        )

    @routes.get(place + "/{assignment}", dependencies=[guard.authenticated("role:read")])
    def assignment(assignment: int, request: Request) -> RoleAssignment:
        return read_role(service, caller(request), assignment)

    @routes.delete(
        place + "/{assignment}",
        status_code=204,
        dependencies=[guard.authenticated("role:assign")],
    )
    def revoke(assignment: int, request: Request) -> None:
        take_role(service, caller(request), assignment)
