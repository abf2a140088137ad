"""Liveness and readiness: is the process there, and can it do its work?"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import text

from northstar import __version__
from northstar.access.guard import Guard
from northstar.platform.wiring import Platform


def router(platform: Platform, guard: Guard) -> APIRouter:
    """``/healthz`` says that the process answers; ``/readyz`` says what it can and can't do."""
    routes = APIRouter(tags=["health"])
    public = [guard.public("load balancers carry no token; the answer names no tenant")]

    @routes.get("/healthz", dependencies=public)
    def healthz() -> dict[str, str]:
        return {"status": "alive", "version": __version__}

    @routes.get("/readyz", dependencies=public)
    def readyz(response: Response) -> dict[str, Any]:
        checks = {
            "database": _database_answers(platform),
            "mlflow": platform.mlflow.ready,
            "stores": platform.storage.is_usable(),
            "loops": not any(
                health.failures_in_a_row >= 3 for health in platform.loops.health.values()
            ),
        }
        if not checks["database"]:
            response.status_code = 503
        return {
            "ready": all(checks.values()),
            "checks": checks,
            "leading": platform.loops.leading,
            "jobs": _jobs(platform),
        }

    return routes


def _jobs(platform: Platform) -> str:
    return "elsewhere" if "jobs" in platform.settings.elsewhere else platform.isolation.protection


def _database_answers(platform: Platform) -> bool:
    try:
        with platform.database.read() as connection:
            connection.execute(text("SELECT 1"))
    except Exception:  # noqa: BLE001 - whatever keeps the database from answering, it is not ready
        return False
    return True
