"""The SDK's view of access: who am I, principals, roles, and the audit."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from northstar.access.domain import (
    DEFAULT_SECRET_DAYS,
    AuditEntry,
    AuditQuery,
    AuditVerdict,
    Identity,
    Principal,
    RoleAssignment,
    Secret,
)
from northstar.connection import Connection

_ASSIGNMENTS = "/api/role-assignments"


class AccessClient:
    """Principals, roles and the audit, over the HTTP API."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def whoami(self) -> Identity:
        """Who the platform takes this connection for, with the roles that hold now."""
        return Identity.model_validate(self._connection.get("/api/me"))

    def sign_in_link(self, principal: str = "") -> str:
        """An address that signs in to the pages once; for the caller, or by an administrator."""
        answer = self._connection.post("/api/sign-in-links", {"principal": principal})
        return str(answer["url"])

    def create_principal(
        self, principal: str, *, secret: bool = True, days: float = DEFAULT_SECRET_DAYS
    ) -> Secret:
        """Make ``user:NAME``, ``service:NAME`` or a squad's ``service:SQUAD/NAME``.

        Its secret is in the answer, and nowhere else.

        Args:
            secret: whether it gets one; without, the answer's is empty.
            days: how long the secret holds.
        """
        kind, _, name = principal.partition(":")
        body = {"kind": kind, "name": name, "secret": secret, "days": days}
        return Secret.model_validate(self._connection.post("/api/principals", body))

    def principals(self) -> list[Principal]:
        """Everybody whom one may see to, by id."""
        return [Principal.model_validate(p) for p in self._connection.get("/api/principals")]

    def delete_principal(self, principal: str) -> None:
        """Remove a principal; its tokens stop working at once."""
        self._connection.delete(f"/api/principals/{quote(principal, safe=':/')}")

    def assign_role(
        self, principal: str, role: str, scope: str, expires_at: datetime | None = None
    ) -> RoleAssignment:
        """Give a principal a role in a scope such as ``/operations`` and all below it."""
        body = {
            "principal": principal,
            "role": role,
            "scope": scope,
            "expires_at": expires_at.isoformat() if expires_at else None,
        }
        return RoleAssignment.model_validate(self._connection.post(_ASSIGNMENTS, body))

    def role_assignments(
        self, principal: str | None = None, scope: str | None = None
    ) -> list[RoleAssignment]:
        """The assignments that hold now, as far as the caller may read them.

        Args:
            scope: only those that give a right there: made in it, below it, or above it.
        """
        found = self._connection.get(_ASSIGNMENTS, principal=principal, scope=scope)
        return [RoleAssignment.model_validate(assignment) for assignment in found]

    def revoke_role(self, assignment: int) -> None:
        """Take a role away."""
        self._connection.delete(f"{_ASSIGNMENTS}/{assignment}")

    def roles(self) -> dict[str, str]:
        """Every role and what it is for."""
        return {role["name"]: role["meaning"] for role in self._connection.get("/api/roles")}

    def audit(self, query: AuditQuery | None = None) -> list[AuditEntry]:
        """The entries of the audit that are asked for; without a query the newest."""
        wanted = (query or AuditQuery()).model_dump(mode="json", exclude_none=True)
        found = self._connection.get("/api/audit", **wanted)
        return [AuditEntry.model_validate(entry) for entry in found]

    def verify_audit(self) -> AuditVerdict:
        """Have the platform recompute the chain of entries."""
        return AuditVerdict.model_validate(self._connection.get("/api/audit/verification"))
