"""Routes of releases."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from northstar.access.guard import Guard, caller
from northstar.names import EndpointRef, EnvironmentName
from northstar.release.domain import Release, ReleaseView, RolloutPlan
from northstar.release.service import ReleaseService

_ENVIRONMENT = "/api/squads/{squad}/projects/{project}/environments/{environment}"
_Text = Annotated[str, Field(max_length=2000)]


class Proposal(BaseModel):
    """Which version to release and how; without a rollout, the environment's usual one."""

    version: int
    rollout: RolloutPlan | None = None
    note: _Text = ""


class Remark(BaseModel):
    """What somebody says to a decision."""

    reason: _Text = ""


class Objection(BaseModel):
    """Why somebody takes something back or refuses it; others will want to know."""

    reason: Annotated[str, Field(min_length=1, max_length=2000)]


def router(service: ReleaseService, guard: Guard) -> APIRouter:
    """Propose, approve, reject, roll back, list and show releases."""
    routes = APIRouter(prefix=_ENVIRONMENT, tags=["releases"])

    @routes.post("/releases", status_code=201, dependencies=[guard("release:propose")])
    def propose(
        squad: str, project: str, environment: EnvironmentName, body: Proposal, request: Request
    ) -> Release:
        endpoint = EndpointRef(squad, project, environment)
        return service.propose(endpoint, body.version, caller(request), body.rollout, body.note)

    @routes.get("/releases", dependencies=[guard("release:read")])
    def releases(squad: str, project: str, environment: EnvironmentName) -> list[Release]:
        return service.releases(EndpointRef(squad, project, environment))

    @routes.get("/releases/{release}", dependencies=[guard("release:read")])
    def release(
        squad: str, project: str, environment: EnvironmentName, release: int
    ) -> ReleaseView:
        return service.view(EndpointRef(squad, project, environment), release)

    # Whether it is their own work is known with the release: the service decides.
    @routes.post(
        "/releases/{release}/approve", dependencies=[guard.authenticated("release:approve")]
    )
    def approve(
        squad: str,
        project: str,
        environment: EnvironmentName,
        release: int,
        body: Remark,
        request: Request,
    ) -> Release:
        endpoint = EndpointRef(squad, project, environment)
        return service.approve(endpoint, release, caller(request), body.reason)

    @routes.post("/releases/{release}/reject", dependencies=[guard("release:reject")])
    def reject(
        squad: str,
        project: str,
        environment: EnvironmentName,
        release: int,
        body: Objection,
        request: Request,
    ) -> Release:
        endpoint = EndpointRef(squad, project, environment)
        return service.reject(endpoint, release, caller(request), body.reason)

    @routes.post("/rollback", dependencies=[guard("release:rollback")])
    def rollback(
        squad: str, project: str, environment: EnvironmentName, body: Objection, request: Request
    ) -> Release:
        endpoint = EndpointRef(squad, project, environment)
        return service.rollback(endpoint, body.reason, caller(request))

    return routes
