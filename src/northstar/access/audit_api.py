"""Routes of the audit: reading it, following it, and having it verified."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from northstar.access.domain import AuditEntry, AuditQuery, AuditVerdict
from northstar.access.guard import Guard, caller
from northstar.access.service import AccessService
from northstar.names import Scope


def router(service: AccessService, guard: Guard) -> APIRouter:
    """``/api/audit`` and its verification."""
    routes = APIRouter(tags=["audit"])

    @routes.get("/api/audit", dependencies=[guard.authenticated("audit:read")])
    def entries(request: Request, query: Annotated[AuditQuery, Query()]) -> list[AuditEntry]:
        service.check(caller(request), "audit:read", Scope.parse(query.scope))
        return service.audit.entries(query)

    @routes.get("/api/audit/verification", dependencies=[guard("audit:read")])
    def verification() -> AuditVerdict:
        return service.audit.verify()

    return routes
