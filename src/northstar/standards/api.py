"""Routes of the standards and the gate."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import ConfigDict

from northstar.access.guard import Guard, caller
from northstar.names import EnvironmentName, ProjectRef
from northstar.standards.domain import Parameters, StandardText, Verdict
from northstar.standards.service import StandardsService


class NewParameters(Parameters):
    """Thresholds for all standards; one that is not given is the shipped one."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def router(service: StandardsService, guard: Guard) -> APIRouter:
    """Read the standards, set their thresholds; hold a version against them."""
    routes = APIRouter(prefix="/api", tags=["standards"])

    @routes.get("/standards", dependencies=[guard("standard:read")])
    def standards() -> list[StandardText]:
        return service.texts()

    @routes.get("/standards/parameters", dependencies=[guard("standard:read")])
    def parameters() -> Parameters:
        return service.parameters()

    @routes.put("/standards/parameters", dependencies=[guard("standard:update")])
    def set_parameters(body: NewParameters, request: Request) -> Parameters:
        return service.set_parameters(Parameters(**body.model_dump()), caller(request).id)

    @routes.delete(
        "/standards/parameters", status_code=204, dependencies=[guard("standard:update")]
    )
    def reset_parameters(request: Request) -> None:
        service.reset_parameters(caller(request).id)

    @routes.post(
        "/squads/{squad}/projects/{project}/versions/{version}/gate",
        dependencies=[guard("gate:evaluate")],
    )
    def gate(
        squad: str, project: str, version: int, environment: EnvironmentName = "prod"
    ) -> Verdict:
        return service.gate(ProjectRef(squad, project), version, environment)

    return routes
