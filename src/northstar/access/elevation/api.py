"""Routes of elevation: ask for a role, decide on a request, end what was given."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from northstar.access.domain import check_role
from northstar.access.elevation.domain import USUAL_HOURS, Elevation, ElevationState
from northstar.access.elevation.service import ElevationService
from northstar.access.guard import Guard, caller
from northstar.names import Scope

_Name = Annotated[str, Field(max_length=255)]


class Wish(BaseModel):
    """A role that somebody would like to have, where, for how long, and what for."""

    role: _Name
    scope: _Name
    reason: Annotated[str, Field(min_length=1, max_length=2000)]
    hours: Annotated[float, Field(gt=0, le=1000)] = USUAL_HOURS


class Remark(BaseModel):
    """What somebody says to a decision."""

    reason: Annotated[str, Field(max_length=2000)] = ""


class Objection(BaseModel):
    """Why a role is refused; who asked will want to know."""

    reason: Annotated[str, Field(min_length=1, max_length=2000)]


def router(service: ElevationService, guard: Guard) -> APIRouter:
    """Ask, list, show, approve, reject, withdraw and end."""
    routes = APIRouter(prefix="/api/elevations", tags=["access"])
    decides = [guard.authenticated("elevation:decide")]
    asks = [guard.authenticated("elevation:request")]
    reads = [guard.authenticated("role:read")]

    @routes.post("", status_code=201, dependencies=asks)
    def request(body: Wish, request: Request) -> Elevation:
        role, scope = check_role(body.role), Scope.parse(body.scope)
        wanted = timedelta(hours=body.hours)
        return service.request(caller(request), role, scope, body.reason, wanted)

    @routes.get("", dependencies=reads)
    def elevations(request: Request, state: ElevationState | None = None) -> list[Elevation]:
        return service.seen_by(caller(request), state)

    @routes.get("/{elevation}", dependencies=reads)
    def elevation(elevation: int, request: Request) -> Elevation:
        return service.get(caller(request), elevation)

    @routes.post("/{elevation}/approve", dependencies=decides)
    def approve(elevation: int, body: Remark, request: Request) -> Elevation:
        return service.approve(caller(request), elevation, body.reason)

    @routes.post("/{elevation}/reject", dependencies=decides)
    def reject(elevation: int, body: Objection, request: Request) -> Elevation:
        return service.reject(caller(request), elevation, body.reason)

    @routes.post("/{elevation}/withdraw", dependencies=asks)
    def withdraw(elevation: int, request: Request) -> Elevation:
        return service.withdraw(caller(request), elevation)

    @routes.post("/{elevation}/end", dependencies=[guard.authenticated("role:assign")])
    def end(elevation: int, request: Request) -> Elevation:
        return service.end(caller(request), elevation)

    return routes
