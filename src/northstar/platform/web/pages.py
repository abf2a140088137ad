"""The routes of the pages: what they show is gathered in ``reader.py``, how in ``templates/``."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from northstar.access.guard import Guard, caller
from northstar.names import EndpointRef, EnvironmentName, ProjectRef
from northstar.platform.web import access_pages, cards, environment_pages, static_files
from northstar.platform.web.reader import PROJECT_READS, Reader
from northstar.platform.web.rendering import page
from northstar.platform.web.shell import back, shell
from northstar.platform.web.views import AlertsPage, AuditFilter, AuditPage
from northstar.platform.wiring import Platform

_ENTRIES_ON_A_PAGE = 50
_PROJECT = "/squads/{squad}/projects/{project}"
_ENDPOINT = _PROJECT + "/environments/{environment}"
_Note = Annotated[str, Form(max_length=500)]
_Text = Annotated[str, Query(max_length=255)]
_Outcome = Literal["", "allowed", "denied", "done", "failed"]
_Day = Annotated[str, Query(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
_AlertState = Literal["unresolved", "open", "acknowledged", "resolved", "all"]
_AlertKind = Literal["", "drift", "quality", "performance", "infrastructure"]


def router(platform: Platform, guard: Guard) -> APIRouter:
    """Every page, the forms on them, and their style and scripts."""
    routes = APIRouter(include_in_schema=False)
    routes.include_router(static_files.router(guard))
    _overview(routes, platform, guard)
    _models(routes, platform, guard)
    _approvals(routes, platform, guard)
    _alerts(routes, platform, guard)
    _audit(routes, platform, guard)
    routes.include_router(environment_pages.router(platform, guard))
    routes.include_router(access_pages.router(platform, guard))
    return routes


def _overview(routes: APIRouter, platform: Platform, guard: Guard) -> None:
    @routes.get("/", dependencies=[guard.authenticated("self:read")])
    def overview(request: Request) -> HTMLResponse:
        reader = Reader(platform, caller(request))
        return page("overview.html", shell(reader, request), view=reader.overview())


def _models(routes: APIRouter, platform: Platform, guard: Guard) -> None:
    reads = [guard(action) for action in PROJECT_READS]

    @routes.get(_PROJECT, dependencies=reads)
    def project(
        squad: str, project: str, request: Request, environment: EnvironmentName = "prod"
    ) -> HTMLResponse:
        reader = Reader(platform, caller(request))
        view = reader.project(ProjectRef(squad, project), environment)
        return page("project.html", shell(reader, request), view=view)

    @routes.get(_PROJECT + "/versions/{version}", dependencies=reads)
    def version(
        squad: str,
        project: str,
        version: int,
        request: Request,
        environment: EnvironmentName = "prod",
    ) -> HTMLResponse:
        reader = Reader(platform, caller(request))
        view = reader.version(ProjectRef(squad, project), version, environment)
        return page("version.html", shell(reader, request), view=view)


def _approvals(routes: APIRouter, platform: Platform, guard: Guard) -> None:
    @routes.get("/approvals", dependencies=[guard.authenticated("release:read")])
    def approvals(request: Request) -> HTMLResponse:
        reader = Reader(platform, caller(request))
        return page("approvals.html", shell(reader, request), view=reader.approvals())

    @routes.post(
        _ENDPOINT + "/releases/{release}/approve",
        dependencies=[guard.authenticated("release:approve")],
    )
    def approve(
        squad: str,
        project: str,
        environment: EnvironmentName,
        release: int,
        request: Request,
        reason: _Note = "",
    ) -> Response:
        endpoint = EndpointRef(squad, project, environment)
        platform.releases.approve(endpoint, release, caller(request), reason)
        return RedirectResponse(_release_place(endpoint, release), status_code=303)

    @routes.post(_ENDPOINT + "/releases/{release}/reject", dependencies=[guard("release:reject")])
    def reject(
        squad: str,
        project: str,
        environment: EnvironmentName,
        release: int,
        request: Request,
        reason: Annotated[str, Form(min_length=1, max_length=500)],
    ) -> Response:
        endpoint = EndpointRef(squad, project, environment)
        platform.releases.reject(endpoint, release, caller(request), reason)
        return RedirectResponse(_release_place(endpoint, release), status_code=303)


def _alerts(routes: APIRouter, platform: Platform, guard: Guard) -> None:
    @routes.get("/alerts", dependencies=[guard.authenticated("monitoring:read")])
    def alerts(
        request: Request,
        state: _AlertState = "unresolved",
        kind: _AlertKind = "",
        project: _Text = "",
    ) -> HTMLResponse:
        reader = Reader(platform, caller(request))
        view = AlertsPage(
            alerts=reader.alerts(state, kind or None, project),
            state=state,
            kind=kind,
            project=project,
            projects=tuple(str(ref) for ref in reader.projects()),
        )
        return page("alerts.html", shell(reader, request), view=view)

    @routes.post(_ENDPOINT + "/alerts/{alert}/acknowledge", dependencies=[guard("alert:manage")])
    def acknowledge(
        squad: str,
        project: str,
        environment: EnvironmentName,
        alert: int,
        request: Request,
        note: _Note = "",
    ) -> Response:
        endpoint = EndpointRef(squad, project, environment)
        platform.monitoring.acknowledge(endpoint, alert, caller(request).id, note)
        return back(request, "/alerts")

    @routes.post(_ENDPOINT + "/alerts/{alert}/resolve", dependencies=[guard("alert:manage")])
    def resolve(
        squad: str,
        project: str,
        environment: EnvironmentName,
        alert: int,
        request: Request,
        note: _Note = "",
    ) -> Response:
        endpoint = EndpointRef(squad, project, environment)
        platform.monitoring.resolve(endpoint, alert, caller(request).id, note)
        return back(request, "/alerts")


def _audit(routes: APIRouter, platform: Platform, guard: Guard) -> None:
    @routes.get("/audit", dependencies=[guard.authenticated("audit:read")])
    def audit(
        request: Request,
        principal: _Text = "",
        action: _Text = "",
        without: _Text = "",
        scope: _Text = "",
        outcome: _Outcome = "",
        since: _Day = "",
        until: _Day = "",
        before: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    ) -> HTMLResponse:
        reader = Reader(platform, caller(request))
        wanted = AuditFilter(principal, action, without, scope, outcome, since, until)
        found = reader.audit(wanted, before, _ENTRIES_ON_A_PAGE + 1)
        shown = found[:_ENTRIES_ON_A_PAGE]
        older = {"before": shown[-1].sequence} if len(found) > len(shown) else None
        view = AuditPage(
            rows=tuple(cards.audit_row(entry) for entry in shown),
            wanted=wanted,
            newest=_query(wanted) if before else None,
            older=_query(wanted, **older) if older else None,
        )
        return page("audit.html", shell(reader, request), view=view)


def _release_place(endpoint: EndpointRef, release: int) -> str:
    project = f"/squads/{endpoint.squad}/projects/{endpoint.project}"
    return f"{project}?environment={endpoint.environment}#release-{endpoint.environment}-{release}"


def _query(wanted: AuditFilter, **more: int) -> str:
    kept = {name: value for name, value in vars(wanted).items() if value}
    return urlencode({**kept, **more})
