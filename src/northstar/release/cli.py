"""``northstar release``."""

from __future__ import annotations

from textwrap import shorten
from typing import Any

import click

from northstar.errors import Invalid
from northstar.names import EndpointRef
from northstar.release.client import ReleaseClient
from northstar.release.domain import Release, ReleaseView
from northstar.standards.text import verdict_text
from northstar.telemetry.trace_context import trace_ids
from northstar.terminal import connect, emit, json_option, table

_ENDPOINT = click.argument("endpoint", metavar="SQUAD/PROJECT/ENVIRONMENT")
_RELEASE = click.argument("number", metavar="RELEASE", type=int)


@click.group()
def release() -> None:
    """Propose, approve, watch and roll back."""


@release.command()
@_ENDPOINT
@click.argument("version", type=int)
@click.option("--canary", metavar="SHARES", help="Steps in percent, for example 5,25.")
@click.option("--direct", is_flag=True, help="All traffic at once.")
@click.option("--min-requests", type=int, help="Requests to the canary in each step.")
@click.option("--min-seconds", type=float, help="How long each step lasts at least.")
@click.option("--max-seconds", type=float, help="After how long a step is given up.")
@click.option("--note", default="", help="What others should know of it.")
@json_option
@click.pass_context
def propose(
    context: click.Context,
    /,
    endpoint: str,
    version: int,
    canary: str | None,
    direct: bool,
    note: str,
    as_json: bool,
    **limits: float | None,
) -> None:
    """Ask for a version to go to an endpoint; exit code 1 if the gate refuses it.

    Without --canary or --direct, prod gets a canary and the other environments all at once.
    """
    ref = EndpointRef.parse(endpoint)
    rollout = _rollout(ref, canary, limits, direct=direct)
    made = ReleaseClient(connect()).propose(ref, version, rollout, note)
    emit(made, as_json=as_json, text=lambda: _proposed(made))
    if made.state == "refused":
        context.exit(1)


@release.command()
@_ENDPOINT
@_RELEASE
@click.option("--reason", default="", help="What speaks for it.")
@json_option
def approve(endpoint: str, number: int, reason: str, as_json: bool) -> None:
    """Agree to a release that somebody else proposed."""
    ref = EndpointRef.parse(endpoint)
    made = ReleaseClient(connect()).approve(ref, number, reason)
    emit(made, as_json=as_json, text=lambda: _line(made))


@release.command()
@_ENDPOINT
@_RELEASE
@click.option("--reason", required=True, help="What speaks against it.")
@json_option
def reject(endpoint: str, number: int, reason: str, as_json: bool) -> None:
    """Object to a release before its rollout begins."""
    ref = EndpointRef.parse(endpoint)
    made = ReleaseClient(connect()).reject(ref, number, reason)
    emit(made, as_json=as_json, text=lambda: _line(made))


@release.command()
@_ENDPOINT
@click.option("--reason", required=True, help="What went wrong.")
@json_option
def rollback(endpoint: str, reason: str, as_json: bool) -> None:
    """Take traffic back: a canary's share, or else all of the live version's."""
    made = ReleaseClient(connect()).rollback(EndpointRef.parse(endpoint), reason)
    emit(made, as_json=as_json, text=lambda: _line(made))


@release.command("list")
@_ENDPOINT
@json_option
def list_releases(endpoint: str, as_json: bool) -> None:
    """All releases of an endpoint, newest first."""
    found = ReleaseClient(connect()).releases(EndpointRef.parse(endpoint))
    rows = [
        (r.id, r.version, r.state, f"{r.share:g} %", r.updated_at, shorten(r.reason, 80))
        for r in found
    ]
    headers = ("release", "version", "state", "share", "since", "reason")
    emit(found, as_json=as_json, text=lambda: table(headers, rows, empty="No release yet."))


@release.command("show")
@_ENDPOINT
@_RELEASE
@json_option
def show_release(endpoint: str, number: int, as_json: bool) -> None:
    """One release: its log, its verdict, and what is awaited."""
    found = ReleaseClient(connect()).release(EndpointRef.parse(endpoint), number)
    emit(found, as_json=as_json, text=lambda: _full(found))


def _rollout(
    endpoint: EndpointRef, canary: str | None, limits: dict[str, Any], *, direct: bool
) -> dict[str, Any] | None:
    given = {name: value for name, value in limits.items() if value is not None}
    if direct and (canary or given):
        raise Invalid("--direct has no steps.", hint="Leave it out, or leave the others out.")
    if direct:
        return {"kind": "direct", "steps": []}
    if canary is not None:
        try:
            given["steps"] = [float(share) for share in canary.split(",")]
        except ValueError as error:
            raise Invalid(
                f"--canary {canary!r} is not a list of shares.", hint="Write it as 5,25."
            ) from error
    if given and canary is None and endpoint.environment != "prod":
        raise Invalid(
            f"{endpoint.environment} releases all at once unless told otherwise.",
            hint="Add --canary, for example --canary 5,25.",
        )
    return given or None


def _line(made: Release) -> str:
    return f"{made.name} is {made.state}."


def _proposed(made: Release) -> str:
    if made.state == "refused" and made.verdict is not None:
        return verdict_text(made.verdict)
    what_next = {
        "proposed": f"It needs {made.approvals_needed} approval by somebody else: "
        f"northstar release approve {made.endpoint} {made.id}",
        "approved": f"The rollout begins: northstar release show {made.endpoint} {made.id}",
    }
    return "\n".join(line for line in (_line(made), what_next.get(made.state, "")) if line)


def _full(view: ReleaseView) -> str:
    made = view.release
    log = [(event.at, event.kind, event.by, event.reason) for event in view.events]
    lines = [_line(made), f"  digest {made.digest}"]
    lines += [*(f"  trace  {trace}" for trace in trace_ids(made.traceparent)), ""]
    lines.append(table(("at", "event", "by", "reason"), log))
    if view.outlook:
        share = f"At {made.share:g} % now. " if made.state == "rolling-out" else ""
        lines += ["", share + view.outlook]
    if made.state == "refused" and made.verdict is not None:
        lines += ["", verdict_text(made.verdict)]
    return "\n".join(lines)
