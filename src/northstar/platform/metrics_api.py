"""The control plane's metrics for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Response

from northstar.access.guard import Guard
from northstar.errors import NotFound
from northstar.telemetry.interface import SCRAPE_CONTENT_TYPE, Telemetry


def router(telemetry: Telemetry, guard: Guard) -> APIRouter:
    """``GET /metrics``: what this replica measures, in Prometheus' text format."""
    routes = APIRouter(tags=["metrics"])

    @routes.get("/metrics", dependencies=[guard("metrics:read")], response_class=Response)
    def metrics() -> Response:
        scraped = telemetry.scrape()
        if scraped is None:
            raise NotFound(
                "This control plane keeps no metrics for Prometheus.",
                hint="Start it with OTEL_METRICS_EXPORTER=prometheus.",
            )
        return Response(scraped, media_type=SCRAPE_CONTENT_TYPE)

    return routes
