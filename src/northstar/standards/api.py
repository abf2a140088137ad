"""Routes of the standards and the gate."""

from __future__ import annotations

from fastapi import APIRouter

from northstar.access.guard import Guard
from northstar.names import EnvironmentName, ProjectRef
from northstar.standards.domain import StandardText, Verdict
from northstar.standards.service import StandardsService


def router(service: StandardsService, guard: Guard) -> APIRouter:
    """Read the standards; hold a version against them."""
    routes = APIRouter(prefix="/api", tags=["standards"])

    @routes.get("/standards", dependencies=[guard("standard:read")])
    def standards() -> list[StandardText]:
        return service.texts()

    @routes.post(
        "/squads/{squad}/projects/{project}/versions/{version}/gate",
        dependencies=[guard("gate:evaluate")],
    )
    def gate(
        squad: str, project: str, version: int, environment: EnvironmentName = "prod"
    ) -> Verdict:
        return service.gate(ProjectRef(squad, project), version, environment)

    return routes
