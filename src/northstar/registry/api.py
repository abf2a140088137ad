"""Routes of model versions."""

from __future__ import annotations

from fastapi import APIRouter, Request

from northstar.access.guard import Guard, caller, started_by
from northstar.names import EnvironmentName, ProjectRef
from northstar.registry.domain import (
    LineageView,
    VersionRecord,
    VersionRegistration,
    VersionSummary,
    summary,
)
from northstar.registry.service import RegistryService

_PROJECT = "/api/squads/{squad}/projects/{project}"


def router(service: RegistryService, guard: Guard) -> APIRouter:
    """Register, list, show and trace versions."""
    routes = APIRouter(prefix=_PROJECT, tags=["versions"])

    @routes.post("/versions", status_code=201, dependencies=[guard("version:register")])
    def register(
        squad: str, project: str, registration: VersionRegistration, request: Request
    ) -> VersionRecord:
        ref, who = ProjectRef(squad, project), caller(request)
        return service.register(ref, registration, who, started_by(request))

    @routes.get("/versions", dependencies=[guard("version:read")])
    def versions(squad: str, project: str) -> list[VersionSummary]:
        return [summary(record) for record in service.list(ProjectRef(squad, project))]

    @routes.get("/versions/{version}", dependencies=[guard("version:read")])
    def version(squad: str, project: str, version: int) -> VersionRecord:
        return service.get(ProjectRef(squad, project), version)

    @routes.get("/versions/{version}/lineage", dependencies=[guard("version:read")])
    def lineage(squad: str, project: str, version: int) -> LineageView:
        return service.lineage(ProjectRef(squad, project), version)

    @routes.get("/aliases", dependencies=[guard("version:read")])
    def aliases(squad: str, project: str) -> dict[EnvironmentName, int]:
        return service.aliases(ProjectRef(squad, project))

    return routes
