"""``northstar job``: runs that the platform started."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from northstar.names import ENVIRONMENTS, ProjectRef, check_environment
from northstar.pipeline.jobs.client import JobClient
from northstar.pipeline.jobs.domain import JobRequest
from northstar.terminal import connect, emit, json_option, say, table


@click.group()
def job() -> None:
    """Runs that the platform started, such as retraining."""


@job.command("start")
@click.argument("project")
@click.option("--version", type=int, required=True, help="Whose source is run again.")
@click.option("--from", "data_from", type=click.DateTime(), help="First moment of the data (UTC).")
@click.option("--until", "data_until", type=click.DateTime(), help="End of the data (UTC).")
@click.option("--propose-to", type=click.Choice(ENVIRONMENTS), help="Propose what comes out.")
@click.option("--reason", default="", help="Why; shown wherever the job is.")
def start(
    project: str,
    version: int,
    data_from: datetime | None,
    data_until: datetime | None,
    propose_to: str | None,
    reason: str,
) -> None:
    """Run a version's own source again, on another window of data."""
    request = JobRequest(
        version=version,
        data_from=data_from.replace(tzinfo=UTC) if data_from else None,
        data_until=data_until.replace(tzinfo=UTC) if data_until else None,
        propose_to=check_environment(propose_to) if propose_to else None,
        reason=reason,
    )
    queued = JobClient(connect()).create(ProjectRef.parse(project), request)
    say(f"Job {queued.id} is queued; `northstar job show {project} {queued.id}` follows it.")


@job.command("list")
@click.argument("project")
@json_option
def list_jobs(project: str, as_json: bool) -> None:
    """A project's jobs, newest first."""
    found = JobClient(connect()).of_project(ProjectRef.parse(project))
    rows = [(j.id, j.state, j.created_at, j.new_version, j.requested_by, j.reason) for j in found]
    headers = ("job", "state", "created", "new version", "asked by", "why")
    emit(found, as_json=as_json, text=lambda: table(headers, rows))


@job.command("show")
@click.argument("project")
@click.argument("number", type=int)
@json_option
def show(project: str, number: int, as_json: bool) -> None:
    """One job and the end of its log."""
    found, log = JobClient(connect()).get(ProjectRef.parse(project), number)
    lines = [f"Job {found.id} of {project}: {found.state}", found.message, found.reason, "", log]
    text = "\n".join(line for line in lines if line is not None)
    emit({"job": found, "log": log}, as_json=as_json, text=text)
