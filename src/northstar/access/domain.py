"""Principals, roles in scopes, and what a decision says; pure values that cross HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, NamedTuple, Self, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)

from northstar.errors import Invalid
from northstar.names import Scope, check_name, is_name

PrincipalKind = Literal["user", "service", "managed", "platform"]
Outcome = Literal["allowed", "denied", "done", "failed"]
RoleName = Literal[
    "platform-admin",
    "squad-owner",
    "data-scientist",
    "approver",
    "operator",
    "release-manager",
    "reader",
    "invoker",
    "infrastructure-reporter",
    "metrics-reader",
    "endpoint-runtime",
    "run",
    "workspace-writer",
]
ROLES: tuple[RoleName, ...] = get_args(RoleName)
ROLE_MEANINGS: Mapping[RoleName, str] = {
    "platform-admin": "everything that people may do, everywhere",
    "squad-owner": "everything in the squad: people, projects, releases and operation",
    "data-scientist": "trains, registers, proposes releases, operates dev, reads everything",
    "approver": "approves, rejects and rolls back releases",
    "operator": "rolls back, steers endpoints and alerts, starts jobs",
    "release-manager": "freezes releases, and lets single projects through in an emergency",
    "reader": "reads everything",
    "invoker": "asks endpoints for predictions and tells what really happened",
    "infrastructure-reporter": "reports what was planned, applied and found of environments",
    "metrics-reader": "reads how the platform itself does: for what scrapes its metrics",
    "endpoint-runtime": "what a serving process needs for its endpoint",
    "run": "what a pipeline run needs in its project",
    "workspace-writer": "what a pipeline run needs in its squad's MLflow workspace",
}
MACHINE_ROLES: frozenset[RoleName] = frozenset({"endpoint-runtime", "run", "workspace-writer"})
PEOPLE_ROLES: tuple[RoleName, ...] = tuple(r for r in reversed(ROLES) if r not in MACHINE_ROLES)
"""The roles that people can have, the smallest first."""


def _a_scope(text: str) -> str:
    return str(Scope.parse(text))


DEFAULT_SECRET_DAYS = 180.0
LONGEST_SECRET_DAYS = 730.0
SHORTEST_SECRET_DAYS = 0.001
SecretDays = Annotated[float, Field(ge=SHORTEST_SECRET_DAYS, le=LONGEST_SECRET_DAYS)]
"""How long a secret holds that somebody asked for: from a minute and a half to two years."""


class Principal(BaseModel):
    """Somebody or something that can be asked who it is.

    ``id`` is ``kind:name``, for example ``user:anna``, ``service:operations/ci`` (of a squad),
    ``service:ci`` (of the platform) or ``managed:run/operations/late-arrival``.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    kind: PrincipalKind
    name: str


_Words = Annotated[str | None, Field(max_length=255)]
_Sequence = Annotated[int | None, Field(ge=0, lt=2**31)]
_PLACES = frozenset({"credentials"})  # what follows a principal in the address of what it has

PLATFORM = Principal(id="platform:control", kind="platform", name="control")
"""The control plane itself; the only one that promotes."""


class RoleAssignment(BaseModel):
    """A principal has a role in a scope and everything below it, until it expires."""

    model_config = ConfigDict(frozen=True)

    id: int
    principal: str = Field(description="Who has the role, for example user:anna or service:ci.")
    role: RoleName
    scope: str = Field(description="Where: /, /SQUAD, /SQUAD/PROJECT or with /ENVIRONMENT.")
    expires_at: datetime | None = Field(description="Until when; for good, when it is not set.")
    assigned_by: str
    assigned_at: datetime


class Grant(BaseModel):
    """A role in a scope that is about to be assigned."""

    model_config = ConfigDict(frozen=True)

    role: RoleName
    scope: str


class Secret(BaseModel):
    """A client's new secret; it is shown once and kept only as a hash."""

    model_config = ConfigDict(frozen=True)

    client_id: str
    client_secret: str
    expires_at: datetime | None = None


class Token(BaseModel):
    """An access token in the form of RFC 6749, section 5.1."""

    model_config = ConfigDict(frozen=True)

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the kind of token, not a token
    expires_in: int


class Identity(BaseModel):
    """Who the platform takes a caller for, and the roles that hold now."""

    model_config = ConfigDict(frozen=True)

    principal: Principal
    assignments: list[RoleAssignment]


class AuditEntry(BaseModel):
    """One decision or deed; ``digest`` covers the entry and the digest of the one before it.

    ``detail`` holds what belongs to the action; in it ``policies`` are the ids of the policies and
    roles that decided, and ``reason`` is what the person gave as theirs, or why a proof was
    refused. ``credential`` says how the principal was known (``token:…``, ``secret:…``,
    ``session:…``) and ``address`` from where the request came; both are empty for what the
    platform did by itself, and ``None`` in entries of before they were recorded.
    """

    model_config = ConfigDict(frozen=True)

    sequence: int
    at: datetime
    principal: str
    action: str
    scope: str
    outcome: Outcome
    detail: dict[str, JsonValue]
    credential: str | None = None
    address: str | None = None
    previous: str
    digest: str


class AuditQuery(BaseModel):
    """Which entries of the audit: the newest first; with ``after``, to follow it, the oldest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scope: Annotated[str, Field(max_length=255), AfterValidator(_a_scope)] = Field(
        default="/", description="Only of this scope and those below it."
    )
    principal: _Words = None
    action: _Words = None
    without: _Words = Field(default=None, description="An action whose entries are left out.")
    outcome: Outcome | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = Field(default=None, description="Only what was before that.")
    before: _Sequence = Field(default=None, description="Only smaller numbers, to read on.")
    after: _Sequence = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class AuditVerdict(BaseModel):
    """Whether the chain of audit entries is whole, and where it first is not."""

    model_config = ConfigDict(frozen=True)

    intact: bool
    entries: int
    head: str
    broken_at: int | None = None
    reason: str = ""


class Decision(NamedTuple):
    """What the policies say of one request.

    Args:
        reasons: the policies and roles that decided; empty when none allowed it.
        assignments: the numbers of the role assignments among them.
    """

    allowed: bool
    reasons: tuple[str, ...] = ()
    assignments: tuple[int, ...] = ()


def principal_of(kind: PrincipalKind, name: str) -> Principal:
    """A principal with its id; raises ``Invalid`` for a name that can't stand in a URL."""
    if kind not in ("user", "service", "managed"):
        raise Invalid(f"{kind!r} is not a kind of principal.", hint="Use user or service.")
    parts = [name] if kind == "user" else name.split("/")
    for part in parts:
        check_name(part, "principal")
    if kind == "service" and (len(parts) > 2 or parts[-1] in _PLACES):
        raise Invalid(
            f"{name!r} is not a valid name of a service.",
            hint="Write NAME, or SQUAD/NAME for a squad's; "
            f"{' and '.join(sorted(_PLACES))} can be none.",
        )
    return Principal(id=f"{kind}:{name}", kind=kind, name=name)


def home_of(principal: str) -> Scope:
    """Where one needs a right to see to a principal: a squad's service in the squad, others in
    ``/``.
    """
    squad = squad_of(principal)
    return Scope(squad) if squad else Scope()


def squad_of(principal: str) -> str:
    """The squad that a service belongs to; empty for one of the platform, and for all others."""
    kind, _, name = principal.partition(":")
    squad, slash, _ = name.partition("/")
    return squad if kind == "service" and slash and is_name(squad) else ""


def check_principal(text: str) -> str:
    """Return the id of a principal, such as ``service:ci``; raises ``Invalid`` for none."""
    kind, colon, name = text.partition(":")
    if not colon:
        raise Invalid(
            f"{text!r} is not a principal.", hint="Write its kind, too: user:NAME or service:NAME."
        )
    for known in ("user", "service", "managed"):
        if kind == known:
            return principal_of(known, name).id
    raise Invalid(f"{kind!r} is not a kind of principal.", hint="Use user or service.")


def check_role(value: str) -> RoleName:
    """Return ``value`` as a role; raises ``Invalid`` with the accepted ones."""
    for role in ROLES:
        if value == role:
            return role
    raise Invalid(f"{value!r} is not a role.", hint=f"Use one of {', '.join(PEOPLE_ROLES)}.")


def in_scope(scope: str, wanted: Scope) -> bool:
    """Whether a right in ``scope`` (written form) holds in ``wanted``."""
    return Scope.parse(scope).contains(wanted)


class NewPrincipal(BaseModel):
    """A user or a service that is to be made; raises ``Invalid`` for a name that can be none."""

    kind: Literal["user", "service"]
    name: Annotated[str, AfterValidator(lambda name: principal_of("service", name).name)] = Field(
        description="Its name; of a squad's service SQUAD/NAME."
    )
    secret: bool = True
    days: SecretDays = DEFAULT_SECRET_DAYS

    @model_validator(mode="after")
    def _check(self) -> Self:
        principal_of(self.kind, self.name)
        return self


class NewAssignment(BaseModel):
    """A role that is to be given; raises ``Invalid`` for what can be none of its parts."""

    principal: Annotated[str, AfterValidator(check_principal)]
    role: Annotated[RoleName, BeforeValidator(check_role)]
    scope: Annotated[str, AfterValidator(_a_scope)]
    expires_at: AwareDatetime | None = None
