"""Decisions by Cedar: policies as text in ``policies/``, parsed once, asked many times."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import cedarpy

from northstar.access.domain import MACHINE_ROLES, ROLES, Decision, RoleAssignment, RoleName
from northstar.names import Scope

_POLICIES = Path(__file__).parent / "policies"
_SCOPES_REMEMBERED = 4096


class PolicyBook:
    """The shipped policies and their schema; raises ``ValueError`` if they do not fit together."""

    def __init__(self) -> None:
        self.schema = cedarpy.Schema.from_str((_POLICIES / "schema.cedarschema").read_text())
        text = "\n".join(
            (_POLICIES / name).read_text() for name in ("roles.cedar", "guardrails.cedar")
        )
        verdict = cedarpy.validate_policies(text, self.schema)
        if not verdict.validation_passed:
            raise ValueError(f"the policies do not fit their schema: {verdict.errors}")
        self.policies = cedarpy.PolicySet.from_str(text)
        self._entities = lru_cache(_SCOPES_REMEMBERED)(self._scope_entities)
        self._roles_by_action = lru_cache(_SCOPES_REMEMBERED)(self._find_roles)

    def rights(self, assignments: Iterable[RoleAssignment]) -> Rights:
        """The policies with one principal's assignments linked in."""
        links = [
            _link(
                f"assignment-{assignment.id}",
                assignment.role,
                assignment.principal,
                assignment.scope,
            )
            for assignment in assignments
        ]
        return Rights(self, self.policies.with_linked_batch(links) if links else self.policies)

    def roles_that_allow(self, action: str) -> list[RoleName]:
        """The roles that people can have in which the action is allowed."""
        return list(self._roles_by_action(action))

    def entities(self, scope: Scope) -> cedarpy.Entities:
        """A scope with the scopes that contain it; parsed once per scope."""
        return self._entities(scope)

    def _scope_entities(self, scope: Scope) -> cedarpy.Entities:
        chain = [str(Scope(*scope_parts)) for scope_parts in _ancestry(scope)]
        documents = [
            {
                "uid": _uid("Scope", name),
                "attrs": _parts(scope, i),
                "parents": [_uid("Scope", chain[i - 1])] if i else [],
            }
            for i, name in enumerate(chain)
        ]
        return cedarpy.Entities.from_json_str(json.dumps(documents), schema=self.schema)

    def _find_roles(self, action: str) -> tuple[RoleName, ...]:
        everywhere, anybody = Scope(), "user:anybody"
        found = []
        for role in ROLES:
            policies = self.policies.with_linked_batch([_link("probe", role, anybody, "/")])
            decision = Rights(self, policies).decide(anybody, action, everywhere, {})
            if decision.allowed and role not in MACHINE_ROLES:
                found.append(role)
        return tuple(found)


class Rights:
    """What one principal may do; immutable, made anew when its assignments change."""

    def __init__(self, book: PolicyBook, policies: cedarpy.PolicySet) -> None:
        self._book = book
        self._policies = policies

    def decide(
        self, principal: str, action: str, scope: Scope, about: Mapping[str, str]
    ) -> Decision:
        """Ask the policies; what they can't answer is denied, with the reason."""
        answer = cedarpy.is_authorized(
            {
                "principal": _uid("Principal", principal),
                "action": _uid("Action", action),
                "resource": _uid("Scope", str(scope)),
                "context": _context(principal, about),
            },
            self._policies,
            self._book.entities(scope),
            schema=self._book.schema,
        )
        found = answer.diagnostics
        names = found.id_annotations_by_reason
        reasons = tuple(sorted({str(names.get(reason, reason)) for reason in found.reasons}))
        return Decision(answer.allowed, reasons or tuple(found.errors))


def _link(name: str, role: RoleName, principal: str, scope: str) -> dict[str, Any]:
    return {
        "template_id": role,
        "new_id": name,
        "values": {"?principal": _uid("Principal", principal), "?resource": _uid("Scope", scope)},
    }


def _uid(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "id": name}


def _context(principal: str, about: Mapping[str, str]) -> dict[str, Any]:
    found = {name: _attribute(name, value) for name, value in about.items()}
    return {**found, "principal_kind": principal.partition(":")[0]}


def _attribute(name: str, value: str) -> Any:
    is_principal = name.endswith(("_by", "_to"))
    return {"__entity": _uid("Principal", value)} if is_principal else value


def _parts(scope: Scope, depth: int) -> dict[str, str]:
    named = {"squad": scope.squad, "project": scope.project, "environment": scope.environment}
    return {name: part for name, part in list(named.items())[:depth] if part}


def _ancestry(scope: Scope) -> list[tuple[Any, ...]]:
    parts = [part for part in (scope.squad, scope.project, scope.environment) if part]
    return [tuple(parts[:depth]) for depth in range(len(parts) + 1)]
