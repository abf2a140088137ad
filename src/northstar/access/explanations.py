"""Why something is allowed or denied, who else may do it, and how to come by the right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Literal

from pydantic import BaseModel, ConfigDict

from northstar.access.decisions import PolicyBook
from northstar.access.directory import Directory
from northstar.access.domain import (
    PLATFORM,
    Decision,
    Principal,
    RoleAssignment,
    RoleName,
)
from northstar.errors import Invalid
from northstar.names import Scope

_MOST_NAMES = 3
_GIVES = "elevation:decide"


class DecidingPolicy(BaseModel):
    """A policy or role that decided, and where it is written.

    Args:
        reason: why it is so, as its author put it.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    effect: Literal["permit", "forbid"]
    reason: str
    file: str
    line: int


class MissingRight(BaseModel):
    """What somebody who was denied is missing.

    Args:
        role: the smallest role that would allow it; ``None`` when no role does.
        scope: where the role is needed.
        granters: people who may give it, as far as who asks may know.
        command: what asks for it; empty when asking is of no use.
    """

    model_config = ConfigDict(frozen=True)

    role: RoleName | None
    scope: str
    granters: list[str]
    command: str


class Explanation(BaseModel):
    """One decision with everything that made it.

    Args:
        assignments: the role assignments that allowed it.
        policies: what decided; empty when nothing allows it.
        missing: for a denial, what would change it.
    """

    model_config = ConfigDict(frozen=True)

    principal: str
    action: str
    scope: str
    allowed: bool
    assignments: list[RoleAssignment]
    policies: list[DecidingPolicy]
    missing: MissingRight | None = None


class Holder(BaseModel):
    """Somebody who may do something, by which role, given where, and until when.

    Args:
        role: ``None`` where a policy allows it without a role.
    """

    model_config = ConfigDict(frozen=True)

    principal: str
    role: RoleName | None
    scope: str | None
    expires_at: datetime | None
    policies: list[str]


class Explanations:
    """Asks the same policies and the same assignments as every decision; records nothing."""

    def __init__(self, directory: Directory, book: PolicyBook) -> None:
        self._directory = directory
        self._book = book

    def explain(
        self, who: Principal, action: str, scope: Scope, about: Mapping[str, str], asker: Principal
    ) -> Explanation:
        """The decision and what made it; raises ``Invalid`` for an action that is none.

        Args:
            asker: who is told; whether names stand in the answer depends on their rights.
        """
        self._check_question(action, about)
        decision = self._decide(who, action, scope, about)
        held = {one.id: one for one in self._directory.assignments(who.id)}
        return Explanation(
            principal=who.id,
            action=action,
            scope=str(scope),
            allowed=decision.allowed,
            assignments=[held[one] for one in decision.assignments if one in held],
            policies=self._policies(decision),
            missing=None
            if decision.allowed
            else self.missing(who, action, scope, about, asker=asker),
        )

    def who_can(self, action: str, scope: Scope, about: Mapping[str, str]) -> list[Holder]:
        """Everybody whom the policies allow it, the control plane left out.

        It asks for every principal in turn: a tenth of a second for two thousand.
        """
        self._check_question(action, about)
        return [
            holder
            for principal in self._directory.principals()
            for holder in self._holding(principal, action, scope, about)
        ]

    def missing(
        self,
        who: Principal,
        action: str,
        scope: Scope,
        about: Mapping[str, str],
        asker: Principal,
    ) -> MissingRight:
        """The smallest role that ``who`` would need, who may give it, and how to ask for it."""
        role = self._book.role_that_would_allow(who.id, action, scope, about)
        if role is None:
            return MissingRight(role=None, scope=str(scope), granters=[], command="")
        where = Scope() if role == "platform-admin" else scope
        can_ask = self._decide(
            who, "elevation:request", where, {"role": role, "given_to": who.id}
        ).allowed
        command = f"northstar access request {role} {where} --reason …" if can_ask else ""
        return MissingRight(
            role=role,
            scope=str(where),
            granters=self._granters(who, role, where) if self._may_know(asker, where) else [],
            command=command,
        )

    def way_in(
        self, who: Principal, action: str, scope: Scope, about: Mapping[str, str], denial: Decision
    ) -> str:
        """A denial's hint: which right is missing, who can give it, and the command that asks."""
        if denial.reasons:
            return self._way_around(action, scope, denial)
        missing = self.missing(who, action, scope, about, asker=who)
        if missing.role is None:
            return "No role allows this; only the platform itself does it."
        giver = " or ".join(missing.granters) or _unnamed(Scope.parse(missing.scope))
        needed = f"It takes the role {missing.role} in {missing.scope}"
        if missing.command:
            return f"{needed}, which {giver} can give. Ask for it: {missing.command}"
        return f"{needed}, which {giver} can give with `northstar role assign`."

    def _check_question(self, action: str, about: Mapping[str, str]) -> None:
        schema = self._book.schema
        if action not in schema.actions:
            near = get_close_matches(action, schema.actions, n=3, cutoff=0.5)
            raise Invalid(
                f"{action!r} is not an action.",
                hint=f"Did you mean {', '.join(near)}?"
                if near
                else "docs/reference/access.md lists them, for example release:approve.",
            )
        for name in about:
            if name not in schema.about:
                raise Invalid(
                    f"{name!r} is not in the context of any request.",
                    hint=f"Use {', '.join(schema.about)}.",
                )

    def _way_around(self, action: str, scope: Scope, denial: Decision) -> str:
        because = " ".join(policy.reason for policy in self._policies(denial))
        if not because:
            return "The request could not be decided on, and what can't be decided is denied."
        if not self._book.roles_that_allow(action, scope):
            return f"{because} No role changes that."
        others = f"northstar access who-can {action} {scope}"
        return f"{because} No role changes that; `{others}` shows who else may."

    def _decide(
        self, who: Principal, action: str, scope: Scope, about: Mapping[str, str]
    ) -> Decision:
        return self._directory.rights(who.id).decide(who.id, action, scope, about)

    def _policies(self, decision: Decision) -> list[DecidingPolicy]:
        known = self._book.policies
        return [
            DecidingPolicy(
                id=one,
                effect=known[one].effect,
                reason=known[one].reason,
                file=known[one].file,
                line=known[one].line,
            )
            for one in decision.reasons
            if one in known
        ]

    def _holding(
        self, who: Principal, action: str, scope: Scope, about: Mapping[str, str]
    ) -> Iterator[Holder]:
        decision = self._decide(who, action, scope, about)
        if not decision.allowed:
            return
        policies = list(decision.reasons)
        held = {one.id: one for one in self._directory.assignments(who.id)}
        deciding = [held[one] for one in decision.assignments if one in held]
        for one in deciding:
            yield Holder(
                principal=who.id,
                role=one.role,
                scope=one.scope,
                expires_at=one.expires_at,
                policies=policies,
            )
        if not deciding:
            yield Holder(
                principal=who.id, role=None, scope=None, expires_at=None, policies=policies
            )

    def _granters(self, who: Principal, role: RoleName, scope: Scope) -> list[str]:
        """A few people who may give the role there, whoever is nearest first."""
        gives = self._book.roles_that_allow(_GIVES, scope)
        about = {"role": role, "requested_by": who.id, "given_to": who.id}
        candidates = _nearest_first(
            held
            for held in self._directory.assignments(holding_in=scope)
            if held.role in gives and Scope.parse(held.scope).contains(scope)
        )
        found: list[str] = []
        for name in candidates:
            other = self._directory.find(name)
            if other and other.kind == "user" and self._decide(other, _GIVES, scope, about).allowed:
                found.append(name)
            if len(found) == _MOST_NAMES:
                break
        return found

    def _may_know(self, asker: Principal, scope: Scope) -> bool:
        """Names of people with a role are told to who may read roles there."""
        return asker == PLATFORM or self._decide(asker, "role:read", scope, {}).allowed


def _nearest_first(held: Iterator[RoleAssignment] | Sequence[RoleAssignment]) -> list[str]:
    nearest = sorted(held, key=lambda one: (-one.scope.rstrip("/").count("/"), one.principal))
    return list(dict.fromkeys(one.principal for one in nearest))


def _unnamed(scope: Scope) -> str:
    admin = "a platform administrator"
    return f"an owner of {scope.squad} or {admin}" if scope.squad else admin
