"""Routes of endpoints: for clients, and for the endpoints themselves."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from northstar.access.guard import Guard
from northstar.names import EndpointRef, ProjectRef, check_environment
from northstar.serving.domain import EndpointSpec, EndpointStatus, EndpointView
from northstar.serving.service import EndpointService

_ENVIRONMENT = "/api/squads/{squad}/projects/{project}/environments/{environment}"


def router(service: EndpointService, guard: Guard) -> APIRouter:
    """List and show endpoints; let an endpoint report, and fetch its spec and models."""
    routes = APIRouter(tags=["endpoints"])

    @routes.get(
        "/api/squads/{squad}/projects/{project}/endpoints", dependencies=[guard("endpoint:read")]
    )
    def endpoints(squad: str, project: str) -> list[EndpointView]:
        return [service.view(one) for one in service.endpoints(ProjectRef(squad, project))]

    @routes.get(f"{_ENVIRONMENT}/endpoint", dependencies=[guard("endpoint:read")])
    def endpoint(squad: str, project: str, environment: str) -> EndpointView:
        return service.view(_ref(squad, project, environment))

    @routes.post(f"{_ENVIRONMENT}/endpoint/sync", dependencies=[guard("endpoint:sync")])
    def sync(squad: str, project: str, environment: str, status: EndpointStatus) -> EndpointSpec:
        return service.sync(_ref(squad, project, environment), status)

    @routes.get(f"{_ENVIRONMENT}/models/{{digest}}", dependencies=[guard("endpoint:sync")])
    def model(squad: str, project: str, environment: str, digest: str) -> StreamingResponse:
        archive = service.model_archive(_ref(squad, project, environment), digest)
        return StreamingResponse(archive, media_type="application/x-tar")

    return routes


def _ref(squad: str, project: str, environment: str) -> EndpointRef:
    return EndpointRef(squad, project, check_environment(environment))
