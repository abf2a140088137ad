"""``northstar principal``, ``role``, ``login``, ``whoami`` and ``token``."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta

import click

from northstar.access.client import AccessClient
from northstar.access.credentials_cli import COMMANDS as CREDENTIALS
from northstar.access.credentials_cli import emit_secret, secret_days
from northstar.access.domain import Identity, RoleAssignment
from northstar.connection import PLATFORM_AUDIENCE, Connection, Credentials, profile_path
from northstar.terminal import connect, emit, json_option, say, table


@click.group()
def principal() -> None:
    """Users, services and their secrets."""


@principal.command("create")
@click.argument("principal_id", metavar="user:NAME|service:[SQUAD/]NAME")
@click.option("--without-secret", is_flag=True, help="It will prove itself in another way.")
@secret_days
@json_option
def create_principal(principal_id: str, without_secret: bool, days: float, as_json: bool) -> None:
    """Make a user or a service and print its first secret, which is shown only now.

    A service whose name begins with a squad's belongs to the squad, whose owner sees to it; users
    and other services are the platform's.
    """
    client = AccessClient(connect())
    made = client.create_principal(principal_id, secret=not without_secret, days=days)
    emit_secret(made, as_json)


@principal.command("list")
@json_option
def list_principals(as_json: bool) -> None:
    """Everybody whom you may see to: all of them, or the services of your squads."""
    found = AccessClient(connect()).principals()
    rows = [(p.id, p.kind) for p in found]
    emit(found, as_json=as_json, text=lambda: table(("principal", "kind"), rows))


@principal.command("delete")
@click.argument("principal_id", metavar="PRINCIPAL")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete_principal(principal_id: str, yes: bool) -> None:
    """Remove a principal with its secrets and roles; its tokens stop working at once."""
    if not yes:
        click.confirm(f"Remove {principal_id} with its secrets and roles?", abort=True, err=True)
    AccessClient(connect()).delete_principal(principal_id)
    say(f"Removed {principal_id}.")


for _command in CREDENTIALS:
    principal.add_command(_command)


@click.group()
def role() -> None:
    """Who may do what, and where."""


@role.command("assign")
@click.argument("principal_id", metavar="PRINCIPAL")
@click.argument("role_name", metavar="ROLE")
@click.argument("scope")
@click.option(
    "--days", type=click.FloatRange(min=0, max=36_500, min_open=True), help="Until when it holds."
)
@json_option
def assign_role(
    principal_id: str, role_name: str, scope: str, days: float | None, as_json: bool
) -> None:
    """Give a principal a role in SCOPE ('/', '/SQUAD', '/SQUAD/PROJECT', …) and all below it."""
    until = datetime.now(UTC) + timedelta(days=days) if days else None
    made = AccessClient(connect()).assign_role(principal_id, role_name, scope, until)
    text = f"{made.principal} is {made.role} in {made.scope} (assignment {made.id})."
    emit(made, as_json=as_json, text=text)


@role.command("revoke")
@click.argument("assignment", type=int)
def revoke_role(assignment: int) -> None:
    """Take a role away; `northstar role list` shows the numbers."""
    AccessClient(connect()).revoke_role(assignment)
    say(f"Revoked assignment {assignment}.")


@role.command("list")
@click.option("--principal", "principal_id", help="Only this principal's.")
@click.option("--scope", help="Only those that give a right in this scope, or below it.")
@json_option
def list_assignments(principal_id: str | None, scope: str | None, as_json: bool) -> None:
    """The assignments that hold now."""
    found = AccessClient(connect()).role_assignments(principal_id, scope)
    emit(found, as_json=as_json, text=lambda: _assignments(found))


@role.command("show")
@json_option
def show_roles(as_json: bool) -> None:
    """Every role and what it is for."""
    found = AccessClient(connect()).roles()
    emit(found, as_json=as_json, text=lambda: table(("role", "for"), list(found.items())))


@click.command()
@click.argument("url", required=False)
@click.option("--client-id", help="Who you are, for example user:anna.")
@click.option("--link", is_flag=True, help="Print a link that signs you in to the pages, once.")
def login(url: str | None, client_id: str | None, link: bool) -> None:
    """Remember the platform at URL and who you are.

    The secret is asked for, or taken from NORTHSTAR_CLIENT_SECRET. With --link, print a link for a
    browser instead.
    """
    if link:
        click.echo(AccessClient(connect()).sign_in_link())
        return
    if not url:
        raise click.UsageError("Name the platform's URL, or ask for a --link.")
    client_id = client_id or click.prompt("Client id", err=True)
    secret = os.environ.get("NORTHSTAR_CLIENT_SECRET") or click.prompt(
        "Secret", hide_input=True, err=True
    )
    credentials = Credentials(url.rstrip("/"), client_id=str(client_id), client_secret=secret)
    connection = Connection(credentials)
    click.get_current_context().call_on_close(connection.close)
    identity = AccessClient(connection).whoami()
    _remember(credentials)
    say(f"Signed in to {credentials.url} as {identity.principal.id}.")


@click.command()
@json_option
def whoami(as_json: bool) -> None:
    """Who the platform takes you for, and your roles."""
    identity = AccessClient(connect()).whoami()
    emit(identity, as_json=as_json, text=lambda: _identity(identity))


@click.command()
@click.option(
    "--audience",
    default=PLATFORM_AUDIENCE,
    show_default=True,
    help="The platform, or an endpoint: SQUAD/PROJECT/ENVIRONMENT.",
)
def token(audience: str) -> None:
    """Print a short-lived token, for MLFLOW_TRACKING_TOKEN or an Authorization header."""
    click.echo(connect().token(audience))


def _identity(identity: Identity) -> str:
    held = _assignments(identity.assignments)
    return f"{identity.principal.id} ({identity.principal.kind})\n{held}"


def _assignments(found: list[RoleAssignment]) -> str:
    rows = [(a.id, a.principal, a.role, a.scope, a.expires_at, a.assigned_by) for a in found]
    headers = ("id", "principal", "role", "scope", "expires", "assigned by")
    return table(headers, rows, empty="No roles.")


def _remember(credentials: Credentials) -> None:
    path = profile_path()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = {
        "url": credentials.url,
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=2)
    path.chmod(0o600)
