"""Routes of explanations: why somebody may or may not, and who can."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from northstar.access.explanations import Explanation, Holder
from northstar.access.guard import Guard, caller
from northstar.access.service import AccessService
from northstar.errors import Invalid
from northstar.names import Scope

_Text = Annotated[str, Query(max_length=255)]
_Context = Annotated[
    list[str] | None,
    Query(max_length=10, description="NAME=VALUE, for example proposed_by=user:anna"),
]


def router(service: AccessService, guard: Guard) -> APIRouter:
    """Explain one decision; list who can do something.

    Everybody may ask about themselves; about others, and who can, who may read roles there.
    """
    routes = APIRouter(prefix="/api/access", tags=["access"])

    @routes.get("/explanation", dependencies=[guard.authenticated("self:read")])
    def explanation(
        principal: _Text, action: _Text, resource: _Text, request: Request, context: _Context = None
    ) -> Explanation:
        asker, scope = caller(request), Scope.parse(resource)
        if principal != asker.id:
            service.check(asker, "role:read", scope)
        who = service.directory.get(principal)
        return service.explanations.explain(who, action, scope, _pairs(context), asker)

    @routes.get("/holders", dependencies=[guard.authenticated("role:read")])
    def holders(
        action: _Text, resource: _Text, request: Request, context: _Context = None
    ) -> list[Holder]:
        scope = Scope.parse(resource)
        service.check(caller(request), "role:read", scope)
        return service.explanations.who_can(action, scope, _pairs(context))

    return routes


def _pairs(context: list[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in context or ():
        name, equals, value = pair.partition("=")
        if not equals or not value:
            raise Invalid(f"{pair!r} is not NAME=VALUE.", hint="Write proposed_by=user:anna.")
        found[name] = value
    return found
