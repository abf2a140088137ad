"""The guard of HTTP routes: every route declares its action, or says why it is public.

    @routes.get("/api/squads/{squad}/projects/{project}/versions",
                dependencies=[guard("version:read")])
    def versions(squad: str, project: str, request: Request) -> list[VersionRecord]:
        who = caller(request)

The scope is made of the path parameters named ``squad``, ``project`` and ``environment``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import JsonValue
from starlette.concurrency import run_in_threadpool

from northstar.access.callers import Caller, identify, is_same_origin, session_cookie
from northstar.access.domain import Principal
from northstar.access.errors import NotAllowed
from northstar.access.origin import came_through, current_origin
from northstar.access.service import AccessService
from northstar.access.sessions import CSRF_FIELD, CSRF_HEADER, csrf_is_good, csrf_token
from northstar.errors import Unauthenticated
from northstar.names import Scope, check_environment, check_name

_Dependency = Callable[[Request], Awaitable[None] | AsyncIterator[None]]
_DECLARED = "__northstar_declares__"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Heartbeats, tickets for predictions, questions: they change nothing and come in thousands.
_UNRECORDED = frozenset({"endpoint:sync", "endpoint:invoke", "gate:evaluate"})


@dataclass(frozen=True)
class Declaration:
    """What a route says of itself: the action that it takes, or why it is public.

    Args:
        in_path: whether the path names the scope; otherwise the route's service finds it.
    """

    action: str = ""
    public_because: str = ""
    in_path: bool = False


class Guard:
    """Makes the dependencies that let a request through to its route, or don't.

    A guarded request is authenticated, decided upon and, when it was denied or is about to change
    something, recorded in the audit; its principal is then what ``caller(request)`` returns.
    """

    def __init__(self, access: AccessService) -> None:
        self.access = access

    def __call__(self, action: str) -> Any:
        """The route takes ``action`` in the scope that its path names."""

        async def guarded(request: Request) -> None:
            scope = _scope_of(request.path_params)
            await self._admit(request, action, scope)

        return _declared(guarded, Declaration(action=action, in_path=True))

    def authenticated(self, action: str) -> Any:
        """The path names no scope: who asks must be known, and the route's service checks
        ``action`` in the scope that it finds (or leaves out of a list what may not be read).
        """

        async def known(request: Request) -> None:
            await self._identify(request)

        return _declared(known, Declaration(action=action))

    def public(self, because: str) -> Any:
        """Anybody may call the route; ``because`` says why that is right."""

        async def anybody(request: Request) -> None:
            request.state.principal = None

        return _declared(anybody, Declaration(public_because=because))

    def proof(self, because: str) -> Any:
        """A public route on which callers prove who they are: how often one address may try, and
        fail, is limited. The claim is the form's ``client_id``, or the route.
        """

        async def limited(request: Request) -> AsyncIterator[None]:
            request.state.principal = None
            address, claim = current_origin().address, await _claim(request)
            await run_in_threadpool(self.access.limits.admit, address, claim)
            try:
                yield
            except Unauthenticated:
                await run_in_threadpool(self.access.limits.failed, address, claim)
                raise

        return _declared(limited, Declaration(public_because=because))

    async def _admit(self, request: Request, action: str, scope: Scope) -> None:
        principal = await self._identify(request)
        detail = {"method": request.method, "path": request.url.path}
        await run_in_threadpool(self._decide, principal, action, scope, detail)

    def _decide(
        self, principal: Principal, action: str, scope: Scope, detail: Mapping[str, str]
    ) -> None:
        decision = self.access.check(principal, action, scope)
        if not action.endswith(":read") and action not in _UNRECORDED:
            policies: list[JsonValue] = list(decision.reasons)
            self.access.audit.record(
                principal.id, action, scope, "allowed", {**detail, "policies": policies}
            )

    async def _identify(self, request: Request) -> Principal:
        found = await run_in_threadpool(identify, self.access, request.headers)
        came_through(found.credential)
        if found.cookie and request.method not in _SAFE_METHODS:
            await _check_csrf(request, found)
        request.state.principal, request.state.started_by = found.principal, found.started_by
        request.state.proven_at, request.state.federated = found.proven_at, found.federated
        return found.principal


def caller(request: Request) -> Principal:
    """Who sent a request that a guard let through."""
    principal: Principal | None = getattr(request.state, "principal", None)
    if principal is None:
        raise RuntimeError(f"{request.url.path} is public or has no guard: nobody was identified")
    return principal


def proven_at(request: Request) -> float:
    """When the caller of a guarded route proved who they are, in seconds since 1970."""
    return float(request.state.proven_at)


def is_federated(request: Request) -> bool:
    """Whether it was another issuer's token that proved who sends a request."""
    return bool(request.state.federated)


def started_by(request: Request) -> str:
    """Who started the run that sent a request; empty for what no run sent."""
    return str(request.state.started_by)


def form_token(request: Request) -> str:
    """The value that a page's forms must carry in a hidden field named ``csrf``."""
    return csrf_token(session_cookie(request.headers.get("cookie", "")))


def declarations(app: FastAPI) -> dict[tuple[str, str], list[Declaration]]:
    """What every route of ``app`` declares, by (method, path); an unguarded route has ``[]``."""
    found: dict[tuple[str, str], list[Declaration]] = {}
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute):
            for method in sorted(route.methods or ()):
                found[method, str(route.path)] = _declared_in(route.dependant)
    return found


def _declared(dependency: _Dependency, declaration: Declaration) -> Any:
    setattr(dependency, _DECLARED, declaration)
    return Depends(dependency)


def _declared_in(dependant: Dependant) -> list[Declaration]:
    own = getattr(dependant.call, _DECLARED, None)
    below = [found for part in dependant.dependencies for found in _declared_in(part)]
    return ([own] if own else []) + below


def _scope_of(parameters: Mapping[str, Any]) -> Scope:
    squad, project = parameters.get("squad"), parameters.get("project")
    environment = parameters.get("environment")
    return Scope(
        check_name(squad, "squad") if squad is not None else None,
        check_name(project, "project") if project is not None else None,
        check_environment(environment) if environment is not None else None,
    )


async def _claim(request: Request) -> str:
    """Whom a request claims to come from, as far as that can be told before it is proven."""
    if request.method == "POST":
        claimed = (await request.form()).get("client_id")
        if isinstance(claimed, str) and claimed:
            return claimed[:255]
    return request.url.path


async def _check_csrf(request: Request, found: Caller) -> None:
    if not is_same_origin(request.headers):
        raise NotAllowed("The request was sent by a page of another origin.")
    presented = request.headers.get(CSRF_HEADER, "")
    if not presented:
        presented = str((await request.form()).get(CSRF_FIELD, ""))
    if not csrf_is_good(found.cookie, presented):
        raise NotAllowed(
            "The form does not belong to this session.",
            hint="Load the page again and repeat what you did.",
        )
