"""What a plan changes of who may do what: sign-in without secrets, roles, administrators.

A credential's subject decides whose code may act as an identity, so it is told in full; what reads
like a GitHub repository is only called one if it really comes from GitHub's issuer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from northstar.environments.as_code.changes import Change, Directory
from northstar.environments.as_code.notes import NOT_KNOWN, Note, closes, doubts, opens
from northstar.environments.as_code.wording import (
    identity_at,
    listed,
    lowered,
    target,
    thing_at,
)
from northstar.environments.azure_devops import ServiceConnection, service_connection
from northstar.environments.plan import Plan, Resource
from northstar.environments.policies import Right, rights

_GITHUB = "https://token.actions.githubusercontent.com"
_ENTRA = re.compile(r"https://login\.microsoftonline\.com/([0-9a-f-]{36})/v2\.0")
_REPOSITORY = re.compile(r"repo:([\w.-]+/[\w.-]+):(.+)", re.ASCII)
_AUDIENCE = ["api://AzureADTokenExchange"]
_CREDENTIAL = ("issuer", "subject", "audience", "user_assigned_identity_id", "parent_id")
_ASSIGNMENT = ("principal_id", "role_definition_name", "role_definition_id", "scope", "condition")


def federated(
    changes: Sequence[Change], directory: Directory, plan: Plan, given: Mapping[str, Right]
) -> Iterator[Note]:
    """Who can now act as which identity without a secret, and who can't any more."""
    resources = {one.address: one for one in plan.resources}
    for change in changes:
        if change.type != "federated_identity_credential":
            continue
        old = _may_act(change, change.before, directory) if change.before else ""
        if change.kind == "destroy":
            yield closes(f"{change.part}: {old.replace(' may act', ' may no longer act', 1)}")
            continue
        hidden = [one for one in _CREDENTIAL if change.is_secret(one)]
        if hidden:
            what = f"{listed(hidden)} of {change.address} are withheld as secrets"
            yield doubts(f"{change.part}: who may act as its identity can't be reviewed: {what}")
            continue
        subject = resources.get(change.address)
        new = _may_act(change, change.after, directory, subject, plan)
        if new != old:
            has = _powers(change, directory, subject, plan, given)
            instead = f", and no longer: {old}" if old else ""
            yield opens(f"{change.part}: {new}{has}{instead}")


def roles(
    changes: Sequence[Change], directory: Directory, plan: Plan, given: Mapping[str, Right]
) -> Iterator[Note]:
    """A line for everybody who gets roles, and one for everybody who loses some."""
    gone = {one.address for one in changes if one.kind == "destroy"}
    gained: dict[tuple[str, str], list[tuple[str, str]]] = {}
    lost: dict[tuple[str, str], list[tuple[str, str]]] = {}
    resources = {one.address: one for one in plan.resources}
    for change in changes:
        if change.type != "role_assignment" or not _is_another(change):
            continue
        if change.kind != "destroy":
            who = _who(change, directory, resources.get(change.address), plan)
            on = _on(change, directory, given.get(change.address))
            gained.setdefault((change.part, who), []).append((_role(change), on))
        if change.before and directory.address(change.before.get("principal_id")) not in gone:
            who, on = _who_had(change, directory), _on_before(change, directory)
            role = change.before.get("role_definition_name") or "a role"
            lost.setdefault((change.part, who), []).append((role, on))
    for (part, who), given_roles in gained.items():
        said = f"{_whose(part, who)} {_verb(who, 'get')}: {_by_role(given_roles)}"
        yield Note("opens", said, roles=True)
    for (part, who), taken in lost.items():
        yield closes(f"{_whose(part, who)} {_verb(who, 'lose')}: {_by_role(taken)}")


def administrators(changes: Sequence[Change]) -> Iterator[Note]:
    """Who administers a database server."""
    for change in changes:
        if change.type != "postgresql_flexible_server_active_directory_administrator":
            continue
        old, new = (_administrator(side) for side in (change.before, change.after))
        unknown = [one for one in ("object_id", "principal_name") if change.is_unknown(one)]
        if unknown and change.kind != "destroy":
            what = f"{listed(unknown)} of {change.address} {_are(unknown)} {NOT_KNOWN}"
            yield doubts(f"{change.part}: who administers the database server: {what}")
        elif new and new != old:
            instead = f", instead of {old}" if old else ""
            yield opens(f"{change.part}: {new} administers the database server{instead}")
        elif old and not new:
            yield closes(f"{change.part}: {old} no longer administers the database server")


def by_assignment(plan: Plan) -> dict[str, Right]:
    """What each role assignment of a plan gives, by its address."""
    return {right.assignment.address: right for right in rights(plan)}


def _may_act(
    change: Change,
    values: Mapping[str, Any],
    directory: Directory,
    resource: Resource | None = None,
    plan: Plan | None = None,
) -> str:
    unknown = {n for n in _CREDENTIAL if change.is_unknown(n)} if values is change.after else set()
    address = directory.address(
        values.get("user_assigned_identity_id") or values.get("parent_id")
    ) or _leading(resource, plan, "user_assigned_identity_id", "parent_id")
    if address:
        identity = identity_at(address, change.part)
    else:
        reference = values.get("user_assigned_identity_id") or values.get("parent_id")
        identity = f"the identity {_exact(reference)}" if reference else f"an identity {NOT_KNOWN}"
    return f"{_caller(values, unknown)} may act as {identity}"


def _caller(values: Mapping[str, Any], unknown: set[str]) -> str:
    """Whose code it is that shows a token with these claims."""
    if missing := sorted(unknown & {"issuer", "subject", "audience"}):
        return f"somebody whose {listed(missing)} {_are(missing)} {NOT_KNOWN}"
    issuer, subject = str(values.get("issuer")), str(values.get("subject"))
    repository = _REPOSITORY.fullmatch(subject)
    if issuer == _GITHUB and repository:
        who = _workflows(repository.group(1), repository.group(2))
    elif connection := _connection(issuer, subject):
        who = (
            f"the Azure DevOps service connection {connection.connection} of the organization "
            f"{connection.organization} (issuer {issuer})"
        )
    else:
        who = f"whoever shows the subject {_exact(subject)} of the issuer {_exact(issuer)}"
    audience = values.get("audience")
    return who if audience == _AUDIENCE else f"{who}, for the audience {_exact(audience)},"


def _connection(issuer: str, subject: str) -> ServiceConnection | None:
    tenant, connection = _ENTRA.fullmatch(issuer), service_connection(subject)
    return connection if tenant and connection and connection.is_of(tenant[1]) else None


def _workflows(repository: str, claim: str) -> str:
    named = f"the GitHub repository {repository}"
    kind, _, rest = claim.partition(":")
    if claim == "pull_request":
        return f"every pull request to {named}, whoever opens it,"
    if kind == "environment" and re.fullmatch(r"[\w.-]+", rest, re.ASCII):
        return f"workflows of {named} in its environment {rest}"
    return f"workflows of {named} with the claim {_exact(claim)}"


def _powers(
    change: Change,
    directory: Directory,
    resource: Resource | None,
    plan: Plan,
    given: Mapping[str, Right],
) -> str:
    """What the identity may do, on whose behalf somebody can now act."""
    values = change.after
    address = directory.address(values.get("user_assigned_identity_id")) or _leading(
        resource, plan, "user_assigned_identity_id"
    )
    found = [
        f"{right.role} on {listed(sorted(map(target, right.things)), 'or')}"
        for right in given.values()
        if right.things
        and any(one.address == address for one in plan.leads_to(right.assignment, "principal_id"))
    ]
    return f" (roles: {'; '.join(sorted(found))})" if found else ""


def _leading(resource: Resource | None, plan: Plan | None, *arguments: str) -> str | None:
    """The only resource that the configuration names for an argument."""
    if resource is None or plan is None:
        return None
    found = {one.address for name in arguments for one in plan.leads_to(resource, name)}
    return found.pop() if len(found) == 1 else None


def _by_role(pairs: Sequence[tuple[str, str]]) -> str:
    """``Reader on this and that; AcrPull on the other``."""
    things: dict[str, list[str]] = {}
    for role, on in sorted(set(pairs)):
        things.setdefault(role, []).append(on)
    return "; ".join(f"{role} on {listed(every)}" for role, every in things.items())


def _is_another(change: Change) -> bool:
    if change.kind in ("create", "destroy"):
        return True
    return any(one.attribute in _ASSIGNMENT and not one.follows for one in change.differences)


def _who(change: Change, directory: Directory, resource: Resource | None, plan: Plan) -> str:
    principal = change.after.get("principal_id")
    if address := directory.address(principal):
        return identity_at(address, change.part)
    found = plan.leads_to(resource, "principal_id") if resource else set()
    if found and principal is None:
        return listed(sorted(identity_at(one.address, change.part) for one in found), "or")
    if principal is None:
        return "somebody who is not known before the apply"
    written = (resource.expressions.get("principal_id") or {}) if resource else {}
    if "var.members_group_id" in written.get("references", ()):
        return f"its members (group {principal})"
    return f"the {_kind(change.after)} {principal}"


def _who_had(change: Change, directory: Directory) -> str:
    principal = change.before.get("principal_id")
    if address := directory.address(principal):
        return identity_at(address, change.part)
    return f"the {_kind(change.before)} {principal}"


def _kind(values: Mapping[str, Any]) -> str:
    kind = values.get("principal_type")
    return {"Group": "group", "User": "user"}.get(str(kind), "principal")


def _role(change: Change) -> str:
    after = change.after
    if role := after.get("role_definition_name"):
        named = str(role)
    elif role := after.get("role_definition_id"):
        named = f"the role {role}"
    else:
        named = "a role that is not known before the apply"
    return f"{named} under a condition" if after.get("condition") else named


def _on(change: Change, directory: Directory, right: Right | None) -> str:
    if right and right.things:
        on = listed(sorted(target(one) for one in right.things), "or")
        return on if right.at_home else f"{on} of another squad"
    scope = change.after.get("scope")
    if address := directory.address(scope):
        return thing_at(address, change.part)
    return str(scope) if scope else "something that is not known before the apply"


def _on_before(change: Change, directory: Directory) -> str:
    scope = change.before.get("scope")
    address = directory.address(scope)
    return thing_at(address, change.part) if address else str(scope)


def _whose(part: str, who: str) -> str:
    return part if who == f"the {lowered(part)}" else f"{part}: {who}"


def _verb(who: str, verb: str) -> str:
    return verb if who.startswith("its members") else f"{verb}s"


def _are(words: Sequence[str]) -> str:
    return "is" if len(words) == 1 else "are"


def _administrator(values: Mapping[str, Any]) -> str:
    if not values:
        return ""
    name, kind = values.get("principal_name"), str(values.get("principal_type", "principal"))
    return f"{_exact(name)} ({kind.lower()} {values.get('object_id')})"


def _exact(value: object) -> str:
    """A value letter by letter: a letter of another alphabet is not taken for one of ours."""
    return json.dumps(value, ensure_ascii=True)
