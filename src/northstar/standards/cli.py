"""``northstar standards`` and ``northstar gate``."""

from __future__ import annotations

import click

from northstar.names import ENVIRONMENTS, ProjectRef, check_environment
from northstar.standards.client import StandardsClient
from northstar.standards.text import standard_text, verdict_text
from northstar.terminal import connect, emit, json_option


@click.group()
def standards() -> None:
    """What a version must meet, and why."""


@standards.command("list")
@json_option
def list_standards(as_json: bool) -> None:
    """Every standard: what it asks, why it exists, how to fix a failure."""
    found = StandardsClient(connect()).standards()
    emit(found, as_json=as_json, text=lambda: "\n\n".join(standard_text(one) for one in found))


@click.command()
@click.argument("project", metavar="SQUAD/PROJECT")
@click.argument("version", type=int)
@click.option(
    "--environment",
    type=click.Choice(ENVIRONMENTS),
    default="prod",
    show_default=True,
    help="Whose standards.",
)
@json_option
@click.pass_context
def gate(
    context: click.Context, project: str, version: int, environment: str, as_json: bool
) -> None:
    """Hold a version against the standards; exit code 1 if the gate stays closed."""
    verdict = StandardsClient(connect()).gate(
        ProjectRef.parse(project), version, check_environment(environment)
    )
    emit(verdict, as_json=as_json, text=lambda: verdict_text(verdict))
    if not verdict.passed:
        context.exit(1)
