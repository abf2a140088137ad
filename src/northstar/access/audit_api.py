"""Routes of the audit: reading it, following it, and having it verified."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from northstar.access.domain import AuditEntry, AuditVerdict, Outcome
from northstar.access.guard import Guard, caller
from northstar.access.service import AccessService
from northstar.names import Scope

_Number = Annotated[int | None, Query(ge=0, lt=2**31)]
_Text = Annotated[str | None, Query(max_length=255)]


def router(service: AccessService, guard: Guard) -> APIRouter:
    """``/api/audit`` and its verification."""
    routes = APIRouter(tags=["audit"])

    @routes.get("/api/audit", dependencies=[guard.authenticated("audit:read")])
    def entries(
        request: Request,
        scope: Annotated[str, Query(max_length=255)] = "/",
        principal: _Text = None,
        action: _Text = None,
        without: _Text = None,
        outcome: Outcome | None = None,
        since: AwareDatetime | None = None,
        until: AwareDatetime | None = None,
        before: _Number = None,
        after: _Number = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[AuditEntry]:
        within = Scope.parse(scope)
        service.check(caller(request), "audit:read", within)
        return service.audit.entries(
            within=within,
            principal=principal,
            action=action,
            without=without,
            outcome=outcome,
            since=since,
            until=until,
            before=before,
            after=after,
            limit=limit,
        )

    @routes.get("/api/audit/verification", dependencies=[guard("audit:read")])
    def verification() -> AuditVerdict:
        return service.audit.verify()

    return routes
