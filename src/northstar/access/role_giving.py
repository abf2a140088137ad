"""Giving and taking roles: decided upon and recorded, for the API and the pages alike."""

from __future__ import annotations

from datetime import datetime

from pydantic import JsonValue

from northstar.access.directory import no_assignment
from northstar.access.domain import Principal, RoleAssignment, RoleName
from northstar.access.service import AccessService
from northstar.names import Scope


def give_role(
    access: AccessService,
    giver: Principal,
    principal: str,
    role: RoleName,
    scope: Scope,
    expires_at: datetime | None = None,
) -> RoleAssignment:
    """Give a role until it is taken or expires; raises ``NotAllowed``, ``NotFound``."""
    access.check(giver, "role:assign", scope, role=role, given_to=principal)
    made = access.directory.assign(principal, role, scope, giver.id, expires_at)
    access.audit.record(giver.id, "role:assign", scope, "done", _told(made))
    return made


def take_role(access: AccessService, taker: Principal, assignment: int) -> None:
    """Take a role away; raises ``NotAllowed``, or ``NotFound`` where it holds no more."""
    held = access.directory.assignment(assignment)
    scope = Scope.parse(held.scope)
    access.check(taker, "role:assign", scope, role=held.role)
    access.directory.revoke(assignment)
    access.audit.record(taker.id, "role:revoke", scope, "done", _told(held))


def read_role(access: AccessService, reader: Principal, assignment: int) -> RoleAssignment:
    """A role that somebody has; raises ``NotFound`` also where the reader may not know of it."""
    held = access.directory.assignment(assignment)
    if held.principal == reader.id or access.allowed(reader, "role:read", Scope.parse(held.scope)):
        return held
    raise no_assignment(assignment)


def _told(assignment: RoleAssignment) -> dict[str, JsonValue]:
    expires = assignment.expires_at
    return {
        "assignment": assignment.id,
        "principal": assignment.principal,
        "role": assignment.role,
        "expires_at": expires.isoformat() if expires else None,
    }
