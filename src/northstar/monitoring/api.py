"""Routes of labels, of what the monitor saw, and of alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, Field

from northstar.access.domain import Principal
from northstar.access.guard import Guard, caller
from northstar.monitoring.domain import (
    LABELS_AT_ONCE,
    ActionRequest,
    Alert,
    AlertKind,
    AlertState,
    EndpointMonitoring,
    FindingRecord,
    Label,
    LabelReceipt,
    Window,
)
from northstar.monitoring.service import MonitoringService
from northstar.names import EndpointRef, EnvironmentName

_ENVIRONMENT = "/api/squads/{squad}/projects/{project}/environments/{environment}"


class LabelBatch(BaseModel):
    """Labels of one endpoint's predictions."""

    labels: Annotated[list[Label], Field(min_length=1, max_length=LABELS_AT_ONCE)]


class Advance(BaseModel):
    """Up to when windows are to be closed, in event time."""

    until: AwareDatetime


class Note(BaseModel):
    """What somebody says to a change of an alert."""

    note: Annotated[str, Field(max_length=2000)] = ""


def router(service: MonitoringService, guard: Guard) -> APIRouter:
    """Push labels; read windows, findings and alerts; acknowledge and resolve."""
    routes = APIRouter(tags=["monitoring"])
    _add_endpoint_routes(routes, service, guard)
    _add_alert_routes(routes, service, guard)
    _add_alert_changes(routes, service, guard)
    _add_environment_alerts(routes, service, guard)
    return routes


def _add_endpoint_routes(routes: APIRouter, service: MonitoringService, guard: Guard) -> None:
    @routes.post(f"{_ENVIRONMENT}/labels", dependencies=[guard("labels:push")])
    def push_labels(
        squad: str, project: str, environment: EnvironmentName, body: LabelBatch
    ) -> LabelReceipt:
        return service.push_labels(EndpointRef(squad, project, environment), body.labels)

    @routes.get(f"{_ENVIRONMENT}/monitoring", dependencies=[guard("monitoring:read")])
    def status(squad: str, project: str, environment: EnvironmentName) -> EndpointMonitoring:
        return service.status(EndpointRef(squad, project, environment))

    @routes.get(f"{_ENVIRONMENT}/monitoring/windows", dependencies=[guard("monitoring:read")])
    def windows(squad: str, project: str, environment: EnvironmentName) -> list[Window]:
        return service.windows(EndpointRef(squad, project, environment))

    @routes.get(f"{_ENVIRONMENT}/monitoring/findings", dependencies=[guard("monitoring:read")])
    def findings(
        squad: str, project: str, environment: EnvironmentName, since: datetime | None = None
    ) -> list[FindingRecord]:
        return service.findings(EndpointRef(squad, project, environment), since)

    @routes.post(f"{_ENVIRONMENT}/monitoring/advance", dependencies=[guard("endpoint:operate")])
    def advance(
        squad: str, project: str, environment: EnvironmentName, body: Advance
    ) -> EndpointMonitoring:
        return service.advance(EndpointRef(squad, project, environment), body.until)


def _add_alert_routes(routes: APIRouter, service: MonitoringService, guard: Guard) -> None:
    def readable(principal: Principal, alert: Alert) -> bool:
        return guard.access.decide(principal, "monitoring:read", alert.scope).allowed

    @routes.get("/api/alerts", dependencies=[guard.authenticated("monitoring:read")])
    def all_alerts(
        request: Request, state: AlertState | None = None, kind: AlertKind | None = None
    ) -> list[Alert]:
        who = caller(request)
        found = service.alerts(state=state, kind=kind)
        return [alert for alert in found if readable(who, alert)]

    @routes.get("/api/alerts/{alert}", dependencies=[guard.authenticated("monitoring:read")])
    def any_alert(request: Request, alert: int) -> Alert:
        found = service.alert(alert)
        guard.access.check(caller(request), "monitoring:read", found.scope)
        return found

    @routes.get(f"{_ENVIRONMENT}/alerts", dependencies=[guard("monitoring:read")])
    def alerts(
        squad: str,
        project: str,
        environment: EnvironmentName,
        state: AlertState | None = None,
        kind: AlertKind | None = None,
    ) -> list[Alert]:
        return service.alerts(EndpointRef(squad, project, environment), state, kind)

    @routes.get(f"{_ENVIRONMENT}/alerts/{{alert}}", dependencies=[guard("monitoring:read")])
    def alert(squad: str, project: str, environment: EnvironmentName, alert: int) -> Alert:
        return service.alert(alert, EndpointRef(squad, project, environment))

    @routes.get(f"{_ENVIRONMENT}/alerts/{{alert}}/actions", dependencies=[guard("monitoring:read")])
    def actions(
        squad: str, project: str, environment: EnvironmentName, alert: int
    ) -> list[ActionRequest]:
        found = service.alert(alert, EndpointRef(squad, project, environment))
        return service.actions(found.id)


def _add_alert_changes(routes: APIRouter, service: MonitoringService, guard: Guard) -> None:
    @routes.post(
        f"{_ENVIRONMENT}/alerts/{{alert}}/acknowledge", dependencies=[guard("alert:manage")]
    )
    def acknowledge(
        squad: str,
        project: str,
        environment: EnvironmentName,
        alert: int,
        body: Note,
        request: Request,
    ) -> Alert:
        endpoint = EndpointRef(squad, project, environment)
        return service.acknowledge(endpoint, alert, caller(request).id, body.note)

    @routes.post(f"{_ENVIRONMENT}/alerts/{{alert}}/resolve", dependencies=[guard("alert:manage")])
    def resolve(
        squad: str,
        project: str,
        environment: EnvironmentName,
        alert: int,
        body: Note,
        request: Request,
    ) -> Alert:
        endpoint = EndpointRef(squad, project, environment)
        return service.resolve(endpoint, alert, caller(request).id, body.note)


def _add_environment_alerts(routes: APIRouter, service: MonitoringService, guard: Guard) -> None:
    """Alerts about an environment's infrastructure: the platform's, not a squad's."""
    alert_of = "/api/environments/{name}/alerts/{alert}"

    @routes.get(f"{alert_of}/actions", dependencies=[guard("monitoring:read")])
    def environment_actions(name: EnvironmentName, alert: int) -> list[ActionRequest]:
        return service.actions(service.alert(alert, name).id)

    @routes.post(f"{alert_of}/acknowledge", dependencies=[guard("alert:manage")])
    def acknowledge_environment(
        name: EnvironmentName, alert: int, body: Note, request: Request
    ) -> Alert:
        return service.acknowledge(name, alert, caller(request).id, body.note)

    @routes.post(f"{alert_of}/resolve", dependencies=[guard("alert:manage")])
    def resolve_environment(
        name: EnvironmentName, alert: int, body: Note, request: Request
    ) -> Alert:
        return service.resolve(name, alert, caller(request).id, body.note)
