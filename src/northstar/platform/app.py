"""The control plane as one HTTP application: every domain, the pages, MLflow behind its door."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from northstar import __version__
from northstar.access import api as access_api
from northstar.access import audit_api, explanations_api
from northstar.access.elevation import api as elevation_api
from northstar.access.origin import OriginMiddleware
from northstar.access.sign_in import api as sign_in_api
from northstar.environments import api as environments_api
from northstar.monitoring import api as monitoring_api
from northstar.pipeline.jobs import api as jobs_api
from northstar.platform import health, metrics_api, problems
from northstar.platform.http_telemetry import HttpTelemetry
from northstar.platform.measures import watch
from northstar.platform.request_limits import RequestLimits
from northstar.platform.web import pages
from northstar.platform.wiring import Platform
from northstar.project import api as project_api
from northstar.registry import api as registry_api
from northstar.release import api as release_api
from northstar.serving import api as serving_api
from northstar.standards import api as standards_api


def create_app(platform: Platform, on_start: Callable[[], None] = lambda: None) -> FastAPI:
    """Assemble the application.

    Args:
        on_start: called once, when the application has started and is about to answer.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        platform.mlflow.start()
        _measure(platform)
        platform.loops.start()
        on_start()
        yield
        platform.loops.stop()

    app = FastAPI(
        title="Northstar",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,  # served below, by a route that declares itself as all others do
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(RequestLimits)
    app.add_middleware(OriginMiddleware, trusted_proxies=platform.settings.trusted_proxies)
    app.add_middleware(HttpTelemetry, telemetry=platform.telemetry)  # the last is the outermost
    problems.install(app)
    guard = platform.guard
    app.mount("/mlflow", platform.mlflow_door)  # first: its requests are the most
    app.include_router(health.router(platform, guard))
    app.include_router(metrics_api.router(platform.telemetry, guard))
    app.include_router(access_api.router(platform.access, guard))
    app.state.sign_in_page = None
    if platform.sign_in:
        app.include_router(sign_in_api.router(platform.access, platform.sign_in, guard))
        app.state.sign_in_page = sign_in_api.START
    app.include_router(audit_api.router(platform.access, guard))
    app.include_router(explanations_api.router(platform.access, guard))
    app.include_router(elevation_api.router(platform.elevations, guard))
    app.include_router(project_api.router(platform.projects, guard))
    app.include_router(registry_api.router(platform.registry, guard))
    app.include_router(standards_api.router(platform.standards, guard))
    app.include_router(release_api.router(platform.releases, guard))
    app.include_router(environments_api.router(platform.environments, platform.freezes, guard))
    app.include_router(serving_api.router(platform.endpoints, guard))
    app.include_router(monitoring_api.router(platform.monitoring, guard))
    app.include_router(jobs_api.router(platform.jobs, guard))
    app.include_router(pages.router(platform, guard))
    described = guard.public("the description of the API is the same for everybody")

    @app.get("/api/openapi.json", include_in_schema=False, dependencies=[described])
    def openapi() -> dict[str, Any]:
        return app.openapi()

    return app


def _measure(platform: Platform) -> None:
    watch(
        platform.telemetry.instruments,
        platform.loops,
        platform.access,
        platform.monitoring,
        platform.releases,
        platform.jobs,
        platform.backlogs,
    )
