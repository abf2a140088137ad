"""``northstar env freeze``: when nothing new goes into an environment."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from northstar.environments.client import FreezesClient
from northstar.environments.freezes import Freeze, moment
from northstar.errors import Invalid
from northstar.names import ENVIRONMENTS, EnvironmentName, ProjectRef
from northstar.terminal import connect, emit, json_option, table

_NUMBER = click.argument("number", metavar="FREEZE", type=int)


@click.group()
def freeze() -> None:
    """Keep everything new from an environment for a time.

    Rollbacks are always possible.
    """


@freeze.command("list")
@click.argument("environment", type=click.Choice(ENVIRONMENTS), required=False)
@click.option("--ended", is_flag=True, help="Also those that have ended.")
@json_option
def list_freezes(environment: EnvironmentName | None, ended: bool, as_json: bool) -> None:
    """Freezes that hold or are to come."""
    found = FreezesClient(connect()).freezes(environment, ended=ended)
    now = datetime.now(UTC)
    rows = [
        (
            one.id,
            one.environment,
            one.squad or "all",
            one.state(now),
            one.starts_at,
            one.ends_at,
            one.reason,
            ", ".join(e.project for e in one.exemptions if now < e.until),
        )
        for one in found
    ]
    headers = ("freeze", "environment", "squad", "state", "from", "until", "why", "exempted")
    emit(found, as_json=as_json, text=lambda: table(headers, rows, empty="Nothing is frozen."))


@freeze.command("set")
@click.argument("environment", type=click.Choice(ENVIRONMENTS))
@click.option("--until", required=True, help="When it ends, as 2026-12-27T06:00+01:00 or a date.")
@click.option("--from", "start", help="When it begins; now, if not given.")
@click.option("--reason", required=True, help="What those hear whose releases wait.")
@click.option("--squad", help="Only this squad's releases.")
@json_option
def set_freeze(
    environment: EnvironmentName,
    until: str,
    start: str | None,
    reason: str,
    squad: str | None,
    as_json: bool,
) -> None:
    """Freeze an environment: nothing new is proposed, approved or rolled out into it."""
    made = FreezesClient(connect()).set(
        environment, reason, _moment(until), _moment(start) if start else None, squad
    )
    emit(made, as_json=as_json, text=f"Freeze {made.id}: {_told(made)}")


@freeze.command("change")
@_NUMBER
@click.option("--until", help="Another end.")
@click.option("--from", "start", help="Another beginning.")
@click.option("--reason", help="Another reason.")
@json_option
def change_freeze(
    number: int, until: str | None, start: str | None, reason: str | None, as_json: bool
) -> None:
    """Give a freeze another reason, beginning or end."""
    if not (until or start or reason):
        raise Invalid(
            f"Nothing was given that is to be different about freeze {number}.",
            hint="Give --until, --from or --reason.",
        )
    changed = FreezesClient(connect()).change(
        number, reason, _moment(start) if start else None, _moment(until) if until else None
    )
    emit(changed, as_json=as_json, text=f"Freeze {changed.id}: {_told(changed)}")


@freeze.command("lift")
@_NUMBER
def lift_freeze(number: int) -> None:
    """End a freeze now, or take back one to come; what waited goes on."""
    FreezesClient(connect()).lift(number)
    click.echo(f"Freeze {number} is lifted.")


@freeze.command("exempt")
@_NUMBER
@click.argument("project", metavar="SQUAD/PROJECT")
@click.option("--reason", required=True, help="Why it can't wait; it stands in the audit.")
@click.option("--hours", type=float, default=24.0, show_default=True, help="For how long; 72 most.")
@json_option
def exempt_project(number: int, project: str, reason: str, hours: float, as_json: bool) -> None:
    """Let one project release in spite of a freeze; gate and approval are as ever."""
    changed = FreezesClient(connect()).exempt(number, ProjectRef.parse(project), reason, hours)
    until = next(one.until for one in changed.exemptions if one.project == project)
    text = f"{project} may release into {changed.environment} until {moment(until)}."
    emit(changed, as_json=as_json, text=text)


def _told(one: Freeze) -> str:
    return f"{one.subject} is frozen from {moment(one.starts_at)} until {moment(one.ends_at)}."


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(
            f"{text!r} is not a moment.", hint="Write it as 2026-12-27 or 2026-12-27T06:00+01:00."
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
