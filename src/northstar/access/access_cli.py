"""``northstar access``: asking for roles, asking why, and trying policies out."""

from __future__ import annotations

import click

from northstar.access.credentials_cli import rotate_keys
from northstar.access.elevation.cli import COMMANDS as ELEVATION
from northstar.access.explanations import Explanation, Holder
from northstar.access.explanations_client import ExplanationClient
from northstar.access.policy_cli import test as policy_test
from northstar.errors import Invalid
from northstar.terminal import connect, emit, json_option, table

_context_option = click.option(
    "--context",
    multiple=True,
    metavar="NAME=VALUE",
    help="What the request is about, for example proposed_by=user:anna; can be given again.",
)


@click.group()
def access() -> None:
    """Ask for a role, decide on requests, and find out why something is allowed or not."""


@access.command("explain")
@click.argument("principal_id", metavar="PRINCIPAL")
@click.argument("action")
@click.argument("resource")
@_context_option
@json_option
def explain(
    principal_id: str, action: str, resource: str, context: tuple[str, ...], as_json: bool
) -> None:
    """Why PRINCIPAL may take ACTION in RESOURCE (a scope such as /SQUAD/PROJECT), or may not."""
    client = ExplanationClient(connect())
    found = client.explain(principal_id, action, resource, _pairs(context))
    emit(found, as_json=as_json, text=lambda: _explanation(found))


@access.command("who-can")
@click.argument("action")
@click.argument("resource")
@_context_option
@json_option
def who_can(action: str, resource: str, context: tuple[str, ...], as_json: bool) -> None:
    """Who may take ACTION in RESOURCE, by which role, and until when."""
    found = ExplanationClient(connect()).who_can(action, resource, _pairs(context))
    emit(found, as_json=as_json, text=lambda: _holders(found))


for _command in (*ELEVATION, policy_test, rotate_keys):
    access.add_command(_command)


def _explanation(found: Explanation) -> str:
    may = "may" if found.allowed else "may not"
    lines = [f"{found.principal} {may} {found.action} in {found.scope}."]
    for held in found.assignments:
        until = f", until {held.expires_at:%Y-%m-%d %H:%M} UTC" if held.expires_at else ""
        lines.append(f"  assignment {held.id}: {held.role} in {held.scope}{until}")
    for policy in found.policies:
        place = f"{policy.file}, line {policy.line}"
        lines.append(f"  {policy.effect} {policy.id}: {policy.reason} ({place})")
    if missing := found.missing:
        lines += _missing(found, missing.granters)
    return "\n".join(lines)


def _missing(found: Explanation, granters: list[str]) -> list[str]:
    missing = found.missing
    if missing is None or missing.role is None:
        return ["  No role changes that."]
    lines = [f"  It takes the role {missing.role} in {missing.scope}."]
    if granters:
        lines.append(f"  Who can give it: {', '.join(granters)}")
    if missing.command:
        lines.append(f"  {missing.command}")
    return lines


def _holders(found: list[Holder]) -> str:
    rows = [
        (one.principal, one.role or ", ".join(one.policies), one.scope, one.expires_at)
        for one in found
    ]
    return table(("who", "by", "given in", "until"), rows, empty="Nobody.")


def _pairs(context: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in context:
        name, equals, value = pair.partition("=")
        if not equals:
            raise Invalid(f"{pair!r} is not NAME=VALUE.", hint="Write proposed_by=user:anna.")
        found[name] = value
    return found
