"""``northstar env list``, ``show`` and ``set``: environments as the platform knows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from northstar.environments.client import EnvironmentsClient
from northstar.environments.domain import (
    EnvironmentStatus,
    Infrastructure,
    StoredReport,
    difference,
    exposed_by_hand,
)
from northstar.environments.freezes import moment
from northstar.errors import Invalid
from northstar.names import ENVIRONMENTS, EnvironmentName
from northstar.terminal import connect, emit, json_option, table

_NOTHING = """\
Nothing was said of {name} yet, and no command has reported of its infrastructure.
Say whose it is and where: northstar env set {name} --owner TEAM --region REGION
Make it from platform.yaml: northstar env apply {name}
Keep releases from it for a time: northstar env freeze set {name} --until MOMENT --reason TEXT"""
_NAME = click.argument("name", metavar="ENVIRONMENT", type=click.Choice(ENVIRONMENTS))


@click.command("list")
@json_option
def list_environments(as_json: bool) -> None:
    """The environments: owners, last apply, drift, freezes."""
    found = EnvironmentsClient(connect()).environments()
    headers = ("environment", "owners", "region", "last applied", "checked", "drift", "frozen")
    emit(found, as_json=as_json, text=lambda: table(headers, [_row(one) for one in found]))


@click.command("show")
@_NAME
@json_option
def show_environment(name: EnvironmentName, as_json: bool) -> None:
    """One environment: its owners, freezes and infrastructure."""
    found = EnvironmentsClient(connect()).status(name)
    emit(found, as_json=as_json, text=lambda: _full(found))


@click.command("set")
@_NAME
@click.option("--description", help="What it is for.")
@click.option(
    "--owner",
    "owners",
    multiple=True,
    help="Who answers for it; may be repeated, and empty for nobody.",
)
@click.option("--contact", help="How the owners are reached.")
@click.option("--region", help="Where it runs.")
@click.option("--subscription", help="The Azure subscription that it is in.")
@click.option(
    "--drift-check-hours",
    type=click.IntRange(1, 24 * 90),
    help="When a check for drift is overdue.",
)
@json_option
def set_environment(name: EnvironmentName, as_json: bool, **said: Any) -> None:
    """Say whose an environment is and where; the rest stays."""
    wanted = {key: value for key, value in said.items() if value not in (None, ())}
    if not wanted:
        raise Invalid(
            f"Nothing was given that is to be said of {name}.",
            hint="For example --owner TEAM --region REGION; --help shows all.",
        )
    if "owners" in wanted:
        wanted["owners"] = [owner for owner in said["owners"] if owner]
    client = EnvironmentsClient(connect())
    present = client.status(name).environment
    changed = client.set(present.model_validate({**present.model_dump(), **wanted}))
    emit(changed, as_json=as_json, text=f"Set: {', '.join(wanted)}.")


def _row(one: EnvironmentStatus) -> tuple[object, ...]:
    found, now = one.infrastructure, datetime.now(UTC)
    frozen = [freeze for freeze in one.freezes if freeze.state(now) == "in force"]
    return (
        one.environment.name,
        ", ".join(one.environment.owners) or None,
        one.environment.region or None,
        found.applied.at if found.applied else None,
        found.checked.at if found.checked else None,
        _drift(found),
        ", ".join(_frozen(freeze.ends_at, freeze.squad) for freeze in frozen) or "no",
    )


def _drift(found: Infrastructure) -> str:
    if found.overdue_since:
        return "check overdue"
    if not found.exists or found.checked is None:
        return "–"
    return _resources(found.checked) or "none"


def _frozen(until: datetime, squad: str | None) -> str:
    return f"until {moment(until)}" + (f" ({squad})" if squad else "")


def _full(one: EnvironmentStatus) -> str:
    said, found = one.environment, one.infrastructure
    facts = [
        ("description", said.description),
        ("owners", ", ".join(said.owners)),
        ("contact", said.contact),
        ("region", said.region),
        ("subscription", said.subscription),
        ("applied", _reported(found.applied)),
        ("checked for drift", _reported(found.checked)),
        ("check overdue since", moment(found.overdue_since) if found.overdue_since else ""),
        ("destroyed", _reported(found.destroyed)),
        ("failed", _reported(found.failed)),
    ]
    rows = [(name, value) for name, value in facts if value]
    lines = [table((said.name, ""), rows, empty=_NOTHING.format(name=said.name))]
    if found.checked and found.checked.changes:
        told = [*exposed_by_hand(found.checked), *map(difference, found.checked.changes)]
        lines += ["", "Drift:", *(f"  {line}" for line in told)]
        lines += [f"northstar env apply {said.name} brings back what is written."]
    if one.freezes:
        lines += ["", "Freezes:", *(f"  {freeze.id}: {freeze.told}" for freeze in one.freezes)]
    return "\n".join(lines)


def _reported(report: StoredReport | None) -> str:
    if report is None:
        return ""
    commit = f", commit {report.commit[:12]}" if report.commit else ""
    resources = f", {told}" if (told := _resources(report)) else ""
    return f"{moment(report.at)} by {report.reported_by}{commit}{resources}"


def _resources(report: StoredReport) -> str:
    count = report.differences
    return f"{count:,} resource{'' if count == 1 else 's'}" if count else ""
