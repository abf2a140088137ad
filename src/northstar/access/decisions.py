"""Decisions by Cedar: policies as text in ``policies/``, parsed once, asked many times."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import cedarpy

from northstar.access.domain import (
    PEOPLE_ROLES,
    Decision,
    RoleAssignment,
    RoleName,
    squad_of,
)
from northstar.access.policy_files import (
    Policy,
    PolicySchema,
    check_ids,
    custom_policies,
    read_schema,
    shipped_policies,
)
from northstar.names import Scope

_SCOPES_REMEMBERED = 4096
_ANSWERS_REMEMBERED = 128  # of one principal
_LINK = "assignment-"
_ANYBODY = "user:anybody"


class Resource(NamedTuple):
    """A scope as Cedar wants it."""

    uid: dict[str, str]
    entities: cedarpy.Entities


class PolicyBook:
    """Everything that is written about who may do what, ready to be asked.

    Args:
        custom: a platform team's own policies. They hold for everybody but the control plane,
            which carries out what others were allowed.

    Attributes:
        policies: the shipped ones and the custom ones, by id.
    """

    def __init__(self, custom: Sequence[Policy] = (), schema: PolicySchema | None = None) -> None:
        self.schema = schema or read_schema()
        shipped = shipped_policies(self.schema)
        check_ids(shipped, custom)
        self.policies = {policy.id: policy for policy in (*shipped, *custom)}
        self._shipped, self._custom = shipped, custom
        self._slices = lru_cache(_SCOPES_REMEMBERED)(self._slice)
        self._resources = lru_cache(_SCOPES_REMEMBERED)(self._parse)
        self._roles_by_action = lru_cache(_SCOPES_REMEMBERED)(self._find_roles)

    def rights(self, assignments: Iterable[RoleAssignment]) -> Rights:
        """The policies with one principal's assignments linked in."""
        return Rights(self, [_Link.of(held) for held in assignments])

    def platform_rights(self) -> Rights:
        """What the control plane may do: the custom policies are not asked."""
        return Rights(self, [], custom=False)

    def roles_that_allow(self, action: str, scope: Scope) -> list[RoleName]:
        """The roles that people can have in which the action is allowed there, smallest first."""
        return list(self._roles_by_action(action, scope))

    def role_that_would_allow(
        self, principal: str, action: str, scope: Scope, about: Mapping[str, str]
    ) -> RoleName | None:
        """The smallest role that would let this principal through; ``None`` if none would."""
        for role in PEOPLE_ROLES:
            if self._probe(principal, role).decide(principal, action, scope, about).allowed:
                return role
        return None

    def resource(self, scope: Scope) -> Resource:
        """A scope with the scopes that contain it; parsed once per scope."""
        return self._resources(scope)

    def policies_for(self, action: str, *, custom: bool) -> cedarpy.PolicySet:
        """The roles' templates, and of the other policies those that may concern an action.

        Leaving the rest out changes no answer, for Cedar would find that they do not apply; it
        saves a quarter of the time.
        """
        return self._slices(action, custom)

    def _find_roles(self, action: str, scope: Scope) -> tuple[RoleName, ...]:
        return tuple(
            role
            for role in PEOPLE_ROLES
            if self._probe(_ANYBODY, role).decide(_ANYBODY, action, scope, {}).allowed
        )

    def _slice(self, action: str, custom: bool) -> cedarpy.PolicySet:
        policies = [*self._shipped, *(self._custom if custom else ())]
        return cedarpy.PolicySet.from_str(
            "\n".join(
                policy.text
                for policy in policies
                if policy.is_role or policy.actions is None or action in policy.actions
            )
        )

    def _probe(self, principal: str, role: RoleName) -> Rights:
        return Rights(self, [_Link("probe", role, principal, "/")])

    def _parse(self, scope: Scope) -> Resource:
        chain = [str(Scope(*scope_parts)) for scope_parts in _ancestry(scope)]
        documents = [
            {
                "uid": _uid("Scope", name),
                "attrs": _parts(scope, i),
                "parents": [_uid("Scope", chain[i - 1])] if i else [],
            }
            for i, name in enumerate(chain)
        ]
        text = json.dumps(documents)
        entities = cedarpy.Entities.from_json_str(text, schema=self.schema.cedar)
        return Resource(_uid("Scope", str(scope)), entities)


def policy_book(folder: Path | None = None) -> PolicyBook:
    """The shipped policies with those of a folder, if there is one; raises ``Invalid``."""
    schema = read_schema()
    return PolicyBook(custom_policies(folder, schema) if folder else (), schema)


class _Link(NamedTuple):
    """A role's template with a principal and a scope filled in."""

    name: str
    role: RoleName
    principal: str
    scope: str

    @classmethod
    def of(cls, held: RoleAssignment) -> _Link:
        return cls(f"{_LINK}{held.id}", held.role, held.principal, held.scope)

    def document(self) -> dict[str, Any]:
        """As ``cedarpy`` wants it."""
        return {
            "template_id": self.role,
            "new_id": self.name,
            "values": {
                "?principal": _uid("Principal", self.principal),
                "?resource": _uid("Scope", self.scope),
            },
        }


class Rights:
    """What one principal may do; immutable, made anew when its assignments change.

    Asked are the policies that may concern the action, with the assignments whose scope contains
    the one that is asked about; such a set is put together once.
    """

    def __init__(self, book: PolicyBook, links: Sequence[_Link], *, custom: bool = True) -> None:
        self._book = book
        self._links = links
        self._reach = [link.scope.rstrip("/") + "/" for link in links]
        self._custom = custom
        self._sets: dict[tuple[str | int, ...], cedarpy.PolicySet] = {}
        self._answers: dict[tuple[str, str, Scope], Decision] = {}

    def decide(
        self, principal: str, action: str, scope: Scope, about: Mapping[str, str]
    ) -> Decision:
        """Ask the policies; what they can't answer is denied, with the reason.

        A question about nothing but principal, action and scope always has the same answer here,
        so it is remembered.
        """
        if about:
            return self.ask(principal, action, scope, about)
        question = (principal, action, scope)
        known = self._answers.get(question)
        if known is None:
            if len(self._answers) >= _ANSWERS_REMEMBERED:
                self._answers.clear()
            known = self._answers[question] = self.ask(principal, action, scope, about)
        return known

    def ask(self, principal: str, action: str, scope: Scope, about: Mapping[str, str]) -> Decision:
        """As ``decide``, without remembering."""
        resource = self._book.resource(scope)
        answer = cedarpy.is_authorized(
            {
                "principal": _uid("Principal", principal),
                "action": _uid("Action", action),
                "resource": resource.uid,
                "context": _context(principal, about),
            },
            self._policies(action, resource.uid["id"]),
            resource.entities,
            schema=self._book.schema.cedar,
        )
        found = answer.diagnostics
        decided = found.reasons
        if not decided:
            return Decision(answer.allowed, tuple(found.errors))
        names = found.id_annotations_by_reason
        reasons = sorted({names[one] for one in decided})
        held = [int(one[len(_LINK) :]) for one in decided if one.startswith(_LINK)]
        return Decision(answer.allowed, tuple(reasons), tuple(held))

    def _policies(self, action: str, where: str) -> cedarpy.PolicySet:
        place = where if where == "/" else f"{where}/"
        reaching = [i for i, reach in enumerate(self._reach) if place.startswith(reach)]
        known = self._sets.get((action, *reaching))
        if known is None:
            known = self._book.policies_for(action, custom=self._custom)
            if reaching:
                known = known.with_linked_batch([self._links[i].document() for i in reaching])
            self._sets[action, *reaching] = known
        return known


def _uid(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "id": name}


def _context(principal: str, about: Mapping[str, str]) -> str:
    kind = principal.partition(":")[0]
    if not about:
        return _context_of_kind(kind)
    found = {name: _attribute(name, value) for name, value in about.items()}
    if given_to := about.get("given_to"):
        found["given_to_kind"] = given_to.partition(":")[0]
        if squad := squad_of(given_to):
            found["given_to_squad"] = squad
    return json.dumps({**found, "principal_kind": kind})


@lru_cache(16)
def _context_of_kind(kind: str) -> str:
    return json.dumps({"principal_kind": kind})


def _attribute(name: str, value: str) -> Any:
    is_principal = name.endswith(("_by", "_to"))
    return {"__entity": _uid("Principal", value)} if is_principal else value


def _parts(scope: Scope, depth: int) -> dict[str, str]:
    named = {"squad": scope.squad, "project": scope.project, "environment": scope.environment}
    return {name: part for name, part in list(named.items())[:depth] if part}


def _ancestry(scope: Scope) -> list[tuple[Any, ...]]:
    parts = [part for part in (scope.squad, scope.project, scope.environment) if part]
    return [tuple(parts[:depth]) for depth in range(len(parts) + 1)]
