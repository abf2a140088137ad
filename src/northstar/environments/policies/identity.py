"""Who may do what: roles, held to the table."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from northstar.environments.grants import GRANTS, Grant
from northstar.environments.plan import Plan, Resource
from northstar.environments.policies.findings import Finding


@dataclass(frozen=True)
class Right:
    """A role that a plan gives, in the words of the table of roles.

    Args:
        identities, things: who may get it on what; several where the plan can't tell yet.
        at_home: whether an identity of a squad gets it on what is not another squad's.
    """

    assignment: Resource
    identities: frozenset[str]
    role: str
    things: frozenset[str]
    at_home: bool


def rights(plan: Plan) -> Iterator[Right]:
    """Every role that a plan gives."""
    for assignment in plan.of_type("azurerm_role_assignment"):
        principals = plan.leads_to(assignment, "principal_id")
        things = plan.leads_to(assignment, "scope")
        identities = {_identity(one) for one in principals}
        if not identities and assignment.values.get("principal_type") == "Group":
            identities = {f"{assignment.modules}:people"}
        yield Right(
            assignment,
            frozenset(identities),
            assignment.values.get("role_definition_name") or "a role that is only known by id",
            frozenset(_thing(one) for one in things),
            all(_same_instances(who, on) for who in principals for on in things),
        )


def roles(plan: Plan, grants: Collection[Grant] = GRANTS) -> Iterator[Finding]:
    """Each identity has only the roles that the table gives it."""
    for right in rights(plan):
        wanted = {Grant(who, right.role, on) for who in right.identities for on in right.things}
        if wanted and wanted <= set(grants) and right.at_home:
            continue
        who, on = " or ".join(sorted(right.identities)), " or ".join(sorted(right.things))
        yield Finding(
            "roles",
            right.assignment.address,
            f"{who or 'An unknown identity'} would get {right.role} on {on or 'an unknown scope'}"
            f"{', which is not in the table of roles' if right.at_home else ' of another squad'}.",
            "Give a role of the table (docs/reference/infrastructure.md) or extend the table.",
        )


def clusters(plan: Plan) -> Iterator[Finding]:
    """No job is the workspace: who submits jobs to it would have its rights."""
    place = ("identity", 0, "identity_ids")
    workspaces = {
        identity
        for one in plan.of_type("azurerm_machine_learning_workspace")
        for identity in plan.leads_to(one, *place)
    }
    for one in plan.of_type("azurerm_machine_learning_compute_cluster"):
        identities = plan.leads_to(one, *place)
        if not identities or identities & workspaces:
            message = "It is not proven to have another identity than a workspace."
            hint = "Give it an identity of its own, with the roles that its jobs need."
            yield Finding("roles", one.address, message, hint)


def _same_instances(one: Resource, other: Resource) -> bool:
    """Whether two resources are of the same squad, where both are of one."""
    steps = zip(one.module, other.module, strict=False)
    return all(key == other_key for (name, key), (its, other_key) in steps if name == its)


def _identity(resource: Resource) -> str:
    return f"{resource.modules}:{resource.key or resource.name}"


def _thing(resource: Resource) -> str:
    return f"{resource.modules}:{resource.type.removeprefix('azurerm_')}"
