"""The page of environments: what is said of them, their freezes, and their infrastructure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse

from northstar.access.guard import Guard, caller
from northstar.environments.domain import Environment
from northstar.errors import Invalid
from northstar.names import EnvironmentName, ProjectRef
from northstar.platform.web.environment_reader import EnvironmentReader
from northstar.platform.web.reader import Reader
from northstar.platform.web.rendering import page
from northstar.platform.web.shell import back, shell
from northstar.platform.wiring import Platform

_PLACE = "/environments"
_ONE = _PLACE + "/{name}"
_Line = Annotated[str, Form(max_length=255)]
_Text = Annotated[str, Form(max_length=2000)]
_Reason = Annotated[str, Form(min_length=1, max_length=1000)]
_Note = Annotated[str, Form(max_length=500)]


def router(platform: Platform, guard: Guard) -> APIRouter:
    """``/environments`` and the forms on it."""
    routes = APIRouter()
    _environments(routes, platform, guard)
    _freezes(routes, platform, guard)
    _alerts(routes, platform, guard)
    return routes


def _environments(routes: APIRouter, platform: Platform, guard: Guard) -> None:
    @routes.get(_PLACE, dependencies=[guard("environment:read")])
    def environments(request: Request) -> HTMLResponse:
        viewer = caller(request)
        view = EnvironmentReader(platform, viewer).page()
        return page("environments.html", shell(Reader(platform, viewer), request), view=view)

    @routes.post(_ONE, dependencies=[guard("environment:update")])
    def describe(
        name: EnvironmentName,
        request: Request,
        drift_check_hours: Annotated[int, Form(ge=1, le=24 * 90)],
        description: _Text = "",
        owners: _Line = "",
        contact: _Line = "",
        region: _Line = "",
        subscription: _Line = "",
    ) -> Response:
        wanted = Environment(
            name=name,
            description=description.strip(),
            owners=tuple(one.strip() for one in owners.split(",") if one.strip()),
            contact=contact.strip(),
            region=region.strip(),
            subscription=subscription.strip(),
            drift_check_hours=drift_check_hours,
        )
        platform.environments.set(wanted, caller(request).id)
        return back(request, _PLACE)


def _freezes(routes: APIRouter, platform: Platform, guard: Guard) -> None:
    manages = [guard.authenticated("freeze:manage")]

    @routes.post(_ONE + "/freezes", dependencies=manages)
    def freeze(
        name: EnvironmentName,
        request: Request,
        reason: _Reason,
        until: _Line,
        start: _Line = "",
        squad: _Line = "",
    ) -> Response:
        begins = _moment(start) if start else None
        platform.freezes.set(name, squad or None, reason, begins, _moment(until), caller(request))
        return back(request, _PLACE)

    @routes.post(_PLACE + "/freezes/{freeze}/lift", dependencies=manages)
    def lift(freeze: int, request: Request) -> Response:
        platform.freezes.lift(freeze, caller(request))
        return back(request, _PLACE)

    @routes.post(_PLACE + "/freezes/{freeze}/exempt", dependencies=manages)
    def exempt(
        freeze: int,
        request: Request,
        project: _Line,
        reason: _Reason,
        hours: Annotated[float, Form(gt=0, le=72)],
    ) -> Response:
        ref = ProjectRef.parse(project.strip())
        platform.freezes.exempt(freeze, ref, reason, hours, caller(request))
        return back(request, _PLACE)


def _alerts(routes: APIRouter, platform: Platform, guard: Guard) -> None:
    @routes.post(_ONE + "/alerts/{alert}/acknowledge", dependencies=[guard("alert:manage")])
    def acknowledge(
        name: EnvironmentName, alert: int, request: Request, note: _Note = ""
    ) -> Response:
        platform.monitoring.acknowledge(name, alert, caller(request).id, note)
        return back(request, "/alerts")

    @routes.post(_ONE + "/alerts/{alert}/resolve", dependencies=[guard("alert:manage")])
    def resolve(name: EnvironmentName, alert: int, request: Request, note: _Note = "") -> Response:
        platform.monitoring.resolve(name, alert, caller(request).id, note)
        return back(request, "/alerts")


def _moment(text: str) -> datetime:
    """What a form's field for a moment says; the pages' times are UTC."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise Invalid(f"{text!r} is not a moment.", hint="Write it as 2026-12-27T06:00.") from error
