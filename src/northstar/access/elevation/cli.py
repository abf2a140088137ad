"""``northstar access request``, ``requests``, ``approve``, ``reject``, ``withdraw``, ``end``."""

from __future__ import annotations

import click

from northstar.access.elevation.client import ElevationClient
from northstar.access.elevation.domain import STATES, USUAL_HOURS, Elevation, ElevationState
from northstar.terminal import connect, emit, json_option, table


@click.command("request")
@click.argument("role_name", metavar="ROLE")
@click.argument("scope")
@click.option("--reason", required=True, help="What for; who decides reads it.")
@click.option(
    "--hours",
    type=click.FloatRange(min=0, min_open=True),
    default=USUAL_HOURS,
    show_default=True,
    help="How long, from the approval on; 24 at most.",
)
@json_option
def request(role_name: str, scope: str, reason: str, hours: float, as_json: bool) -> None:
    """Ask for a role in SCOPE for some hours; it ends by itself."""
    made = ElevationClient(connect()).request(role_name, scope, reason, hours)
    text = (
        f"Request {made.id}: {made.role} in {made.scope} for {made.duration_seconds / 3600:g} h. "
        f"`northstar access who-can elevation:decide {made.scope}` shows who may approve it."
    )
    emit(made, as_json=as_json, text=text)


@click.command("requests")
@click.option("--state", type=click.Choice(STATES), help="Only those that stand so.")
@json_option
def requests(state: ElevationState | None, as_json: bool) -> None:
    """Your requests, and those of scopes whose roles you may read."""
    found = ElevationClient(connect()).list(state)
    emit(found, as_json=as_json, text=lambda: _requests(found))


@click.command("approve")
@click.argument("number", type=int)
@click.option("--reason", default="", help="What you say to it.")
@json_option
def approve(number: int, reason: str, as_json: bool) -> None:
    """Give the role that was asked for; not your own request."""
    _tell(ElevationClient(connect()).approve(number, reason), as_json)


@click.command("reject")
@click.argument("number", type=int)
@click.option("--reason", required=True, help="Why not; who asked will want to know.")
@json_option
def reject(number: int, reason: str, as_json: bool) -> None:
    """Refuse the role that was asked for."""
    _tell(ElevationClient(connect()).reject(number, reason), as_json)


@click.command("withdraw")
@click.argument("number", type=int)
@json_option
def withdraw(number: int, as_json: bool) -> None:
    """Take your own request back."""
    _tell(ElevationClient(connect()).withdraw(number), as_json)


@click.command("end")
@click.argument("number", type=int)
@json_option
def end(number: int, as_json: bool) -> None:
    """End an elevation before its time."""
    _tell(ElevationClient(connect()).end(number), as_json)


COMMANDS: tuple[click.Command, ...] = (request, requests, approve, reject, withdraw, end)


def _tell(elevation: Elevation, as_json: bool) -> None:
    until = elevation.expires_at
    lasts = f" until {until:%Y-%m-%d %H:%M} UTC" if until and elevation.state == "active" else ""
    text = (
        f"Request {elevation.id} ({elevation.principal} as {elevation.role} in "
        f"{elevation.scope}) is {elevation.state}{lasts}."
    )
    emit(elevation, as_json=as_json, text=text)


def _requests(found: list[Elevation]) -> str:
    headers = ("number", "who", "role", "scope", "hours", "state", "until", "reason")
    rows = [
        (
            one.id,
            one.principal,
            one.role,
            one.scope,
            one.duration_seconds / 3600,
            one.state,
            one.expires_at,
            one.reason,
        )
        for one in found
    ]
    return table(headers, rows, empty="No requests.")
