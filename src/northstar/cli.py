"""The command line's table of contents; a command's module is imported when it is called."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any, NamedTuple

import click

from northstar import __version__
from northstar.errors import NorthstarError


class _Entry(NamedTuple):
    target: str  # "module:attribute" of a click command or group
    help: str


COMMANDS: dict[str, _Entry] = {
    "up": _Entry("northstar.platform.cli:up", "Start the whole platform on this machine."),
    "server": _Entry("northstar.platform.cli:server", "Start the control plane alone."),
    "bootstrap": _Entry(
        "northstar.platform.cli:bootstrap", "Make the administrator of a `northstar server`."
    ),
    "new": _Entry("northstar.templates.cli:new", "Start a project from the template."),
    "run": _Entry("northstar.pipeline.cli:run", "Train, evaluate and register a model version."),
    "job": _Entry(
        "northstar.pipeline.jobs.cli:job", "Runs that the platform started, such as retraining."
    ),
    "squad": _Entry("northstar.project.cli:squad", "Create and list squads."),
    "project": _Entry("northstar.project.cli:project", "Create and list projects."),
    "version": _Entry("northstar.registry.cli:version", "Model versions and their lineage."),
    "standards": _Entry("northstar.standards.cli:standards", "What a version must meet, and why."),
    "gate": _Entry("northstar.standards.cli:gate", "Hold a version against the standards."),
    "release": _Entry("northstar.release.cli:release", "Propose, approve, watch and roll back."),
    "serve": _Entry("northstar.serving.cli:serve", "Serve one endpoint (the data plane)."),
    "endpoint": _Entry("northstar.serving.cli:endpoint", "Endpoints: where they are, how they do."),
    "labels": _Entry("northstar.monitoring.cli:labels", "Tell the platform what really happened."),
    "monitor": _Entry("northstar.monitoring.cli:monitor", "What the monitor sees."),
    "alerts": _Entry("northstar.monitoring.cli:alerts", "List, acknowledge and resolve alerts."),
    "principal": _Entry("northstar.access.cli:principal", "Users, services and their secrets."),
    "role": _Entry("northstar.access.cli:role", "Who may do what, and where."),
    "access": _Entry(
        "northstar.access.access_cli:access", "Ask for a role, decide on requests, ask why."
    ),
    "audit": _Entry("northstar.access.audit_cli:audit", "The record of decisions."),
    "env": _Entry(
        "northstar.environments.cli:env", "Environments: how they are, and when they are frozen."
    ),
    "terraform": _Entry(
        "northstar.terraform.cli:terraform", "The platform's own objects as Terraform resources."
    ),
    "telemetry": _Entry(
        "northstar.platform.telemetry_cli:telemetry", "Whether traces, metrics and logs arrive."
    ),
    "login": _Entry("northstar.access.cli:login", "Remember a platform and who you are."),
    "whoami": _Entry("northstar.access.cli:whoami", "Who the platform takes you for."),
    "token": _Entry("northstar.access.cli:token", "Print a short-lived token."),
}


class _LazyGroup(click.Group):
    """A group that knows its commands' names and help lines, and imports only the one called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - the table above is ours
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="northstar")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def root(ctx: click.Context, debug: bool) -> None:
    """Northstar: squads keep their own scripts; the company keeps one road to production.

    Exit codes: 0 done; 1 failed; 2 wrong input; 3 not signed in or not allowed; 4 no such thing;
    5 the present state does not admit it; 6 something did not answer, try again.

    With --json, an error is printed as {"error": {"code", "message", "hint"}} as well.
    """
    ctx.obj = {"debug": debug}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors raised on purpose become a message and an exit code."""
    argv = sys.argv[1:] if arguments is None else arguments
    try:
        result: Any = root.main(args=argv, prog_name="northstar", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except NorthstarError as error:
        if _wants_traceback(argv):
            raise
        _tell(error, as_json="--json" in argv)
        sys.exit(error.exit_code)
    except Exception as error:
        if _wants_traceback(argv):
            raise
        click.echo(f"Error: {type(error).__name__}: {error}", err=True)
        click.echo("  This is a defect of Northstar; `northstar --debug …` shows where.", err=True)
        sys.exit(70)
    sys.exit(result if isinstance(result, int) else 0)


def _tell(error: NorthstarError, *, as_json: bool) -> None:
    """The message to stderr; where JSON was asked for, the error also as the result."""
    click.echo(f"Error: {error.message}", err=True)
    if error.hint:
        click.echo(f"  {error.hint}", err=True)
    if as_json:
        problem = {"code": error.code, "message": error.message, "hint": error.hint}
        click.echo(json.dumps({"error": problem}))


def _wants_traceback(argv: list[str]) -> bool:
    return "--debug" in argv
