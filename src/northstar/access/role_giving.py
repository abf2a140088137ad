"""Giving and taking roles, decided upon and recorded, for the API and the pages alike; and that
what somebody has for a time does not become lasting."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import JsonValue

from northstar.access.directory import no_assignment
from northstar.access.domain import Decision, Principal, RoleAssignment, RoleName, home_of
from northstar.access.errors import NotAllowed
from northstar.access.policy_files import TOO_LONG
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
    """Give a role until it is taken or expires; raises ``NotAllowed``, ``NotFound``.

    Who may give roles for a time can give them until then at most: an hour's role would otherwise
    be made to last, by way of somebody else.
    """
    decision = access.check(giver, "role:assign", scope, role=role, given_to=principal)
    access.require_place(scope)
    ends = end_of(access, decision)
    if ends and (expires_at is None or expires_at > ends):
        told: dict[str, JsonValue] = {"principal": principal, "role": role, "policies": [TOO_LONG]}
        access.audit.record(giver.id, "role:assign", scope, "denied", told)
        raise NotAllowed(
            f"{giver.id} may give roles in {scope} until {ends:%Y-%m-%d %H:%M} UTC only, and this "
            "one would last longer.",
            hint="Give it an end before that.",
        )
    return access.directory.assign(principal, role, scope, giver.id, expires_at, decision.reasons)


def take_role(access: AccessService, taker: Principal, assignment: int) -> None:
    """Take a role away; raises ``NotAllowed``, or ``NotFound`` where it holds no more."""
    held = access.directory.assignment(assignment)
    scope = Scope.parse(held.scope)
    decision = access.check(taker, "role:assign", scope, role=held.role)
    access.directory.revoke(assignment, taker.id, decision.reasons)


def check_credential(
    access: AccessService, giver: Principal, principal: str, decision: Decision
) -> None:
    """Return if ``giver``, whom ``decision`` let through, may make what proves to be ``principal``.

    Who sees to principals for a time makes nothing by which they would do so for good, and no key
    of a service whose roles outlast theirs; raises ``NotAllowed``, and ``NotFound`` for nobody.
    """
    ends = end_of(access, decision)
    if ends is None:
        return
    whom, home = access.directory.get(principal), home_of(principal)
    theirs = access.decide(whom, "principal:create", home)
    until = [end_of(access, theirs)] if theirs.allowed else []
    if whom.kind == "service":
        until += [held.expires_at for held in access.directory.assignments(principal)]
    if any(end is None or end > ends for end in until):
        told: dict[str, JsonValue] = {"principal": principal, "policies": [TOO_LONG]}
        access.audit.record(giver.id, "principal:create", home, "denied", told)
        raise NotAllowed(
            f"{giver.id} may make credentials in {home} until {ends:%Y-%m-%d %H:%M} UTC only, and "
            f"{principal} has more for longer.",
            hint="Somebody who may for good can do it, and they themselves.",
        )


def no_longer(access: AccessService, decision: Decision, lasts: timedelta) -> timedelta:
    """How long a secret lasts that ``decision`` let somebody make: not beyond what let them, for it
    would open whatever the principal is given later.
    """
    ends = end_of(access, decision)
    left = None if ends is None else timedelta(seconds=-access.seconds_since(ends.timestamp()))
    return lasts if left is None else min(lasts, left)


def read_role(access: AccessService, reader: Principal, assignment: int) -> RoleAssignment:
    """A role that somebody has; raises ``NotFound`` also where the reader may not know of it."""
    held = access.directory.assignment(assignment)
    if held.principal == reader.id or access.allowed(reader, "role:read", Scope.parse(held.scope)):
        return held
    raise no_assignment(assignment)


def end_of(access: AccessService, decision: Decision) -> datetime | None:
    """When the last of the roles ends that allowed something; ``None`` if one has no end."""
    ends = [access.directory.assignment(held).expires_at for held in decision.assignments]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None
