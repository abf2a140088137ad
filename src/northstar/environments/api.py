"""Routes of environments, of what is reported of them, and of freezes.

An environment is named ``{name}`` in these paths: it is no scope, for it is the whole platform's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from northstar.access.domain import Principal
from northstar.access.guard import Guard, caller
from northstar.environments.domain import (
    CommandReport,
    Environment,
    EnvironmentReport,
    EnvironmentSettings,
    EnvironmentStatus,
    ReportKind,
    StoredReport,
)
from northstar.environments.freeze_service import FreezeService
from northstar.environments.freezes import Freeze, Moment, Reason
from northstar.environments.service import EnvironmentService
from northstar.errors import NotFound
from northstar.names import EnvironmentName, ProjectRef, Scope
from northstar.project.squads import Name

_PLACE = "/api/environments/{name}"
_FREEZES = "/api/freezes"


class NewSettings(EnvironmentSettings):
    """What is said of an environment; what is left out is not set."""

    model_config = ConfigDict(extra="forbid")


class NewFreeze(BaseModel):
    """When nothing new goes into an environment; from now on, if no beginning is given."""

    model_config = ConfigDict(extra="forbid")

    environment: EnvironmentName
    squad: Name | None = None
    reason: Reason
    starts_at: Moment | None = None
    ends_at: Moment


class FreezeChange(BaseModel):
    """What is to be different about a freeze; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None


class NewExemption(BaseModel):
    """Which project is let through a freeze, why, and for how many hours."""

    project: Annotated[str, Field(max_length=127)]
    reason: Reason
    hours: Annotated[float, Field(gt=0, le=72)] = 24.0


def router(environments: EnvironmentService, freezes: FreezeService, guard: Guard) -> APIRouter:
    """Describe environments, report of them, freeze them, and see how they are."""
    routes = APIRouter(tags=["environments"])
    _add_environments(routes, environments, guard)
    _add_reports(routes, environments, guard)
    _add_freezes(routes, freezes, guard)
    _add_freeze_changes(routes, freezes, guard)
    return routes


def _add_environments(routes: APIRouter, service: EnvironmentService, guard: Guard) -> None:
    def shown(status: EnvironmentStatus, who: Principal) -> EnvironmentStatus:
        seen = [freeze.as_seen(_rights(guard, who)) for freeze in status.freezes]
        update: dict[str, object] = {"freezes": tuple(freeze for freeze in seen if freeze)}
        if not guard.access.allowed(who, "monitoring:read", Scope()):
            update["infrastructure"] = status.infrastructure.without_details()
        return status.model_copy(update=update)

    @routes.get("/api/environments", dependencies=[guard("environment:read")])
    def environments(request: Request) -> list[EnvironmentStatus]:
        who = caller(request)
        return [shown(status, who) for status in service.overview()]

    @routes.get(_PLACE, dependencies=[guard("environment:read")])
    def environment(name: EnvironmentName) -> Environment:
        return service.environment(name)

    @routes.get(_PLACE + "/status", dependencies=[guard("environment:read")])
    def status(name: EnvironmentName, request: Request) -> EnvironmentStatus:
        return shown(service.status(name), caller(request))

    @routes.put(_PLACE, dependencies=[guard("environment:update")])
    def set_environment(name: EnvironmentName, body: NewSettings, request: Request) -> Environment:
        return service.set(Environment(name=name, **body.model_dump()), caller(request).id)

    @routes.delete(_PLACE, status_code=204, dependencies=[guard("environment:update")])
    def reset_environment(name: EnvironmentName, request: Request) -> None:
        service.reset(name, caller(request).id)


def _add_reports(routes: APIRouter, service: EnvironmentService, guard: Guard) -> None:
    @routes.post(
        _PLACE + "/reports", status_code=201, dependencies=[guard("infrastructure:report")]
    )
    def report(name: EnvironmentName, body: CommandReport, request: Request) -> StoredReport:
        told = EnvironmentReport(environment=name, **body.model_dump())
        return service.report(told, caller(request).id)

    @routes.get(_PLACE + "/reports", dependencies=[guard("monitoring:read")])
    def reports(
        name: EnvironmentName,
        kind: ReportKind | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 20,
    ) -> list[StoredReport]:
        return service.reports(name, kind, limit)


def _add_freezes(routes: APIRouter, service: FreezeService, guard: Guard) -> None:
    @routes.get(_FREEZES, dependencies=[guard("environment:read")])
    def freezes(
        request: Request, environment: EnvironmentName | None = None, ended: bool = False
    ) -> list[Freeze]:
        may = _rights(guard, caller(request))
        seen = [one.as_seen(may) for one in service.freezes(environment, ended=ended)]
        return [freeze for freeze in seen if freeze]

    @routes.get(_FREEZES + "/{freeze}", dependencies=[guard("environment:read")])
    def freeze(freeze: int, request: Request) -> Freeze:
        seen = service.freeze(freeze).as_seen(_rights(guard, caller(request)))
        if seen is None:
            raise NotFound(f"There is no freeze {freeze} that you may see.")
        return seen

    @routes.post(_FREEZES, status_code=201, dependencies=[guard.authenticated("freeze:manage")])
    def set_freeze(body: NewFreeze, request: Request) -> Freeze:
        return service.set(**body.model_dump(), principal=caller(request))


def _add_freeze_changes(routes: APIRouter, service: FreezeService, guard: Guard) -> None:
    manages = [guard.authenticated("freeze:manage")]

    @routes.patch(_FREEZES + "/{freeze}", dependencies=manages)
    def change(freeze: int, body: FreezeChange, request: Request) -> Freeze:
        return service.change(freeze, caller(request), **body.model_dump())

    @routes.delete(_FREEZES + "/{freeze}", status_code=204, dependencies=manages)
    def lift(freeze: int, request: Request) -> None:
        service.lift(freeze, caller(request))

    @routes.post(_FREEZES + "/{freeze}/exemptions", status_code=201, dependencies=manages)
    def exempt(freeze: int, body: NewExemption, request: Request) -> Freeze:
        project = ProjectRef.parse(body.project)
        return service.exempt(freeze, project, body.reason, body.hours, caller(request))


def _rights(guard: Guard, who: Principal) -> Callable[[str, Scope], bool]:
    return lambda action, scope: guard.access.allowed(who, action, scope)
