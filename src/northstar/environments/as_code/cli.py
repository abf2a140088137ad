"""``northstar env plan``, ``apply`` and the like: environments from ``platform.yaml``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from northstar.clock import SystemClock
from northstar.connection import find_credentials
from northstar.environments.as_code.checkov import scan
from northstar.environments.as_code.drift import Drift
from northstar.environments.as_code.errors import PlanRefused
from northstar.environments.as_code.operations import Stage, render_all
from northstar.environments.as_code.platform_file import FILE_NAME
from northstar.environments.as_code.prices import Cost
from northstar.environments.as_code.reading import load_platform_file
from northstar.environments.as_code.report_text import as_markdown, as_text, drift_as_text
from northstar.environments.as_code.review import Review
from northstar.environments.as_code.scan_text import scan_as_text
from northstar.environments.as_code.schema import SCHEMA_NAME, schema_text
from northstar.environments.as_code.starter import starter
from northstar.environments.as_code.wording import counted
from northstar.environments.client import EnvironmentsClient
from northstar.environments.domain import EnvironmentReport, ReportKind
from northstar.errors import Conflict, Invalid, NorthstarError, Unauthenticated
from northstar.names import ENVIRONMENTS, EnvironmentName
from northstar.terminal import connect, emit, json_option, say

_CommandT = TypeVar("_CommandT", bound=Callable[..., Any])
_DRIFTED = Conflict.exit_code

_STAGE = click.argument("name", metavar="STAGE", type=click.Choice(ENVIRONMENTS))
_FILE = click.option(
    "--file",
    "-f",
    type=click.Path(path_type=Path),
    default=Path(FILE_NAME),
    show_default=True,
    help="The platform's file, or the folder that it is in.",
)
_GIVE_UP = click.option(
    "--give-up",
    multiple=True,
    metavar="ADDRESS",
    help="A resource whose data may be lost; may be repeated.",
)
_YES = click.option("--yes", is_flag=True, help="Do not ask.")


def _report_option(*, default: bool, help_text: str) -> Callable[[_CommandT], _CommandT]:
    return click.option("--report/--no-report", "report", default=default, help=help_text)


_REPORT = _report_option(default=False, help_text="Tell the platform what was found or done.")


@click.command("init")
@_FILE
def init(file: Path) -> None:
    """Write a platform.yaml to start from, and its schema for editors."""
    path = file / FILE_NAME if file.is_dir() else file
    if path.exists():
        raise Conflict(f"There is a {path} already.", hint="Change it, or name another: --file")
    try:
        path.write_text(starter(SystemClock().now().date()), encoding="utf-8")
        path.with_name(SCHEMA_NAME).write_text(schema_text(), encoding="utf-8")
    except OSError as error:
        raise Invalid(f"{path} can't be written: {error.strerror}.") from error
    say(
        f"{path} is written. Put in your tenant, subscriptions and groups; "
        "then: northstar env plan dev"
    )


@click.command("schema")
def schema() -> None:
    """Print the JSON schema of platform.yaml, for editors."""
    click.echo(schema_text(), nl=False)


@click.command("render")
@_FILE
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("environments"),
    show_default=True,
    help="Where to; a folder for each stage is made in it.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail if anything would be another.")
def render(file: Path, folder: Path, check: bool) -> None:
    """Write what Terraform is given, to be reviewed or scanned."""
    render_all(load_platform_file(file), folder, check=check, tell=say)


@click.command("plan")
@_STAGE
@_FILE
@_GIVE_UP
@_REPORT
@click.option("--markdown", is_flag=True, help="For a comment on a pull request.")
@json_option
def plan(
    name: EnvironmentName,
    file: Path,
    give_up: tuple[str, ...],
    report: bool,
    markdown: bool,
    as_json: bool,
) -> None:
    """Say what applying would change, cost and open.

    The plan is kept, and `apply` does just that.

    Exit code 3: a policy refuses it, or data would be lost.
    """
    stage = _stage(name, file)
    with _reported(stage, "plan", wanted=report) as found:
        reviewed = stage.plan(give_up)
        found.append(reviewed)
        show = as_markdown if markdown else as_text
        emit(_as_json(reviewed), as_json=as_json, text=lambda: show(reviewed))
    if reviewed.refusals:
        click.get_current_context().exit(PlanRefused.exit_code)


@click.command("apply")
@_STAGE
@_FILE
@_GIVE_UP
@_REPORT
@_YES
def apply(
    name: EnvironmentName, file: Path, give_up: tuple[str, ...], report: bool, yes: bool
) -> None:
    """Do what the last plan said; without one, plan first and ask."""
    stage = _stage(name, file)
    with _reported(stage, "apply", wanted=report) as found:
        reviewed = stage.saved(give_up) or stage.plan(give_up)
        found.append(reviewed)
        _carry_out(stage, reviewed, yes=yes, question=f"Apply this to {name}?")


@click.command("drift")
@_STAGE
@_FILE
@_report_option(
    default=True, help_text="Tell the platform, which makes drift an alert; if one is known here."
)
@json_option
def drift(name: EnvironmentName, file: Path, report: bool, as_json: bool) -> None:
    """Say what in Azure was changed by hand: from what is written to what is there.

    To be run on a schedule. What is written and was not applied yet is told, too.

    Exit code 5: something differs.
    """
    stage = _stage(name, file)
    with _reported(stage, "drift", wanted=report and _platform_is_known()) as found:
        drifted = stage.drift()
        found.append(drifted)
        emit(_drift_as_json(drifted), as_json=as_json, text=lambda: drift_as_text(drifted))
    if drifted.changes:
        click.get_current_context().exit(_DRIFTED)


@click.command("destroy")
@_STAGE
@_FILE
@_GIVE_UP
@_REPORT
@click.option("--confirm", metavar="STAGE", help="The stage's name, instead of being asked for it.")
def destroy(
    name: EnvironmentName, file: Path, give_up: tuple[str, ...], report: bool, confirm: str | None
) -> None:
    """Remove everything of a stage.

    What holds data has to be named with --give-up, and platform.yaml may forbid it.
    """
    stage = _stage(name, file)
    with _reported(stage, "destroy", wanted=report) as found:
        try:
            reviewed = stage.destroy(give_up)
            found.append(reviewed)
            click.echo(as_text(reviewed))
            _refuse(reviewed)
            typed = confirm or click.prompt(f"Type {name} to remove all of it", err=True)
            if typed != name:
                raise Conflict(f"{typed!r} is not {name}: nothing was removed.")
            _carry_out(stage, reviewed, yes=True, question="")
        finally:
            stage.forget()  # a plan that removes everything is not for a later `apply`


@click.command("scan")
@_STAGE
@_FILE
@click.option("--checkov", "program", default="checkov", show_default=True, help="The program.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Other Terraform to scan instead, by the same rules and waivers.",
)
@click.option(
    "--on",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Take the waivers that hold on this day, instead of today: a commit's own gives its CI "
    "the same answer at all times.",
)
@json_option
def scan_stage(
    name: EnvironmentName,
    file: Path,
    program: str,
    directory: Path | None,
    day: datetime | None,
    as_json: bool,
) -> None:
    """Hold a stage against Checkov's rules and ours.

    What fails must be mended, or waived in platform.yaml.

    Exit code 3: a check failed that nothing waives.
    """
    platform = load_platform_file(file)
    platform.stage(name)
    found = scan(platform, name, program, (day or SystemClock().now()).date(), directory)
    emit(found.as_json(), as_json=as_json, text=lambda: scan_as_text(name, found))
    if found.failed:
        click.get_current_context().exit(PlanRefused.exit_code)


def _stage(name: EnvironmentName, file: Path) -> Stage:
    path = file / FILE_NAME if file.is_dir() else file
    return Stage(load_platform_file(path), path, name, SystemClock(), say)


def _carry_out(stage: Stage, reviewed: Review, *, yes: bool, question: str) -> None:
    if question:
        click.echo(as_text(reviewed))
    _refuse(reviewed)
    if not reviewed.summary.changes:
        stage.forget()
        return
    if not yes:
        click.confirm(question, abort=True, err=True)
    done = stage.apply(reviewed)
    say("\n".join([f"{stage.name}: done, {counted(len(done.done), 'resource')}.", *reviewed.after]))


def _refuse(reviewed: Review) -> None:
    if reviewed.refusals:
        reasons = counted(len(reviewed.refusals), "reason")
        raise PlanRefused(
            f"{reviewed.stage}: {reasons} against it, named above.",
            hint="Mend them and plan again, or add a waiver to platform.yaml.",
        )


@contextmanager
def _reported(stage: Stage, kind: ReportKind, *, wanted: bool) -> Iterator[list[Review | Drift]]:
    """Tell the platform how the block ended; the block puts what it saw into the list."""
    found: list[Review | Drift] = []
    try:
        yield found
    except NorthstarError as error:
        if wanted:
            try:
                _tell(stage.report(kind, next(iter(found), None), error.message))
            except NorthstarError as other:
                say(f"Not reported: {other}")
        raise
    if wanted:
        _tell(stage.report(kind, next(iter(found), None)))


def _tell(report: EnvironmentReport) -> None:
    stored = EnvironmentsClient(connect()).report(report)
    say(f"Reported to the platform (report {stored.id}).")


def _platform_is_known() -> bool:
    try:
        find_credentials()
    except Unauthenticated:
        say("Not reported: no platform is known here (northstar login).")
        return False
    return True


def _as_json(reviewed: Review) -> dict[str, Any]:
    summary = reviewed.summary
    return {
        "stage": reviewed.stage,
        "counts": summary.counts(),
        "changes": [change.model_dump(mode="json") for change in summary.changes],
        "changed_by_hand": list(summary.drifted),
        "lost": [vars(lost) for lost in summary.lost],
        "rights": list(summary.rights),
        "openings": list(summary.openings),
        "doubts": list(summary.doubts),
        "closings": list(summary.closings),
        "cost": _cost_as_json(summary.cost),
        "findings": [finding.model_dump() for finding in reviewed.reported_findings()],
        "unused_waivers": [waiver.model_dump(mode="json") for waiver in reviewed.unused],
        "refusals": list(reviewed.refusals),
        "by_hand": [*reviewed.before, *reviewed.after],
    }


def _drift_as_json(drift: Drift) -> dict[str, Any]:
    found = drift.found
    return {
        "stage": drift.mending.stage,
        "differences": [change.model_dump(mode="json") for change in drift.changes],
        "opened": list(found.openings),
        "doubts": list(found.doubts),
        "closed": list(found.closings),
        "cost": _cost_as_json(found.cost),
        "apply": _as_json(drift.mending),
    }


def _cost_as_json(cost: Cost) -> dict[str, Any]:
    return {**vars(cost), "as_of": cost.as_of.isoformat()}
