"""The page of who may do what: give and take roles, ask for one, decide on requests."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse

from northstar.access.domain import check_role
from northstar.access.guard import Guard, caller
from northstar.access.role_giving import give_role, take_role
from northstar.clock import SystemClock
from northstar.names import Scope
from northstar.platform.web.access_reader import AccessReader
from northstar.platform.web.reader import Reader
from northstar.platform.web.rendering import page
from northstar.platform.web.shell import back, shell
from northstar.platform.wiring import Platform

_PLACE = "/access"
_Name = Annotated[str, Form(max_length=255)]
_Remark = Annotated[str, Form(max_length=2000)]
_Reason = Annotated[str, Form(min_length=1, max_length=2000)]
_Days = Annotated[str, Form(pattern=r"^\d{0,4}$")]


def router(platform: Platform, guard: Guard) -> APIRouter:
    """``/access`` and the forms on it."""
    routes = APIRouter()
    _who_has_what(routes, platform, guard)
    _elevations(routes, platform, guard)
    return routes


def _who_has_what(routes: APIRouter, platform: Platform, guard: Guard) -> None:
    @routes.get(_PLACE, dependencies=[guard.authenticated("role:read")])
    def access(request: Request, scope: Annotated[str, Query(max_length=255)] = "") -> HTMLResponse:
        viewer = caller(request)
        reader, roles = Reader(platform, viewer), AccessReader(platform, viewer)
        scopes = roles.scopes(reader.projects())
        squads = [one for one in scopes if one.count("/") == 1 and one != "/"]
        chosen = Scope.parse(scope or (squads[0] if squads else "/"))
        view = roles.page(chosen, scopes)
        return page("access.html", shell(reader, request), view=view)

    @routes.post(f"{_PLACE}/roles", dependencies=[guard.authenticated("role:assign")])
    def give(
        request: Request, principal: _Name, role: _Name, scope: _Name, days: _Days = ""
    ) -> Response:
        now = SystemClock().now()
        until = now + timedelta(days=int(days)) if days and int(days) else None
        where = Scope.parse(scope)
        give_role(
            platform.access, caller(request), principal.strip(), check_role(role), where, until
        )
        return back(request, _at(where))

    @routes.post(
        f"{_PLACE}/roles/{{assignment}}/take", dependencies=[guard.authenticated("role:assign")]
    )
    def take(assignment: int, request: Request) -> Response:
        take_role(platform.access, caller(request), assignment)
        return back(request, _PLACE)


def _elevations(routes: APIRouter, platform: Platform, guard: Guard) -> None:
    elevations = platform.elevations
    place = f"{_PLACE}/requests"
    asks = [guard.authenticated("elevation:request")]
    decides = [guard.authenticated("elevation:decide")]

    @routes.post(place, dependencies=asks)
    def ask(
        request: Request,
        role: _Name,
        scope: _Name,
        reason: _Reason,
        hours: Annotated[float, Form(gt=0, le=1000)],
    ) -> Response:
        where, wanted = Scope.parse(scope), timedelta(hours=hours)
        elevations.request(caller(request), check_role(role), where, reason, wanted)
        return back(request, _at(where))

    @routes.post(f"{place}/{{elevation}}/approve", dependencies=decides)
    def approve(elevation: int, request: Request, reason: _Remark = "") -> Response:
        elevations.approve(caller(request), elevation, reason)
        return back(request, _PLACE)

    @routes.post(f"{place}/{{elevation}}/reject", dependencies=decides)
    def reject(elevation: int, request: Request, reason: _Reason) -> Response:
        elevations.reject(caller(request), elevation, reason)
        return back(request, _PLACE)

    @routes.post(f"{place}/{{elevation}}/withdraw", dependencies=asks)
    def withdraw(elevation: int, request: Request) -> Response:
        elevations.withdraw(caller(request), elevation)
        return back(request, _PLACE)

    @routes.post(f"{place}/{{elevation}}/end", dependencies=[guard.authenticated("role:assign")])
    def end(elevation: int, request: Request) -> Response:
        elevations.end(caller(request), elevation)
        return back(request, _PLACE)


def _at(scope: Scope) -> str:
    return f"{_PLACE}?scope={quote(str(scope), safe='/')}"
