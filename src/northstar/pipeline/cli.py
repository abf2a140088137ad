"""``northstar run``: carry out a project's pipeline, or go on with one that was stopped."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import yaml
from pydantic import JsonValue, ValidationError

from northstar.clock import SystemClock
from northstar.errors import Invalid, NorthstarError
from northstar.isolation.this_process import hide_secrets
from northstar.pipeline.domain import RunRequest
from northstar.pipeline.run import Pipeline, RunResult
from northstar.registry.domain import Metric
from northstar.telemetry import start as telemetry_start
from northstar.telemetry.interface import Telemetry
from northstar.telemetry.quiet import QuietTelemetry
from northstar.telemetry.settings import TelemetrySettings
from northstar.terminal import connect, emit, json_option, say, table


@click.command()
@click.option(
    "-C",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="The project's folder; by default this one.",
)
@click.option("--from", "start", metavar="TIME", help="First moment of the data (UTC).")
@click.option("--until", "end", metavar="TIME", help="End of the data, exclusive (UTC).")
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Differs from train.parameters; may be given again.",
)
@click.option("--resume", metavar="RUN", help="Go on with a run that was stopped or failed.")
@click.option("--quiet", is_flag=True, help="Do not show what the training prints.")
@json_option
def run(
    folder: Path,
    start: str | None,
    end: str | None,
    parameters: tuple[str, ...],
    resume: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train, evaluate and register a model version."""
    if resume and (start or end or parameters):
        raise Invalid(
            "A resumed run has its window and parameters already.",
            hint="Leave --from, --until and --parameter out, or start a new run.",
        )
    hide_secrets()  # the squad's code runs as the same user, and has an identity of its own
    echo = _silence if quiet else _echo
    request = _request(start, end, parameters)
    with closing(_telemetry()) as telemetry:
        pipeline = Pipeline(folder.resolve(), connect(), SystemClock(), say, echo, telemetry)
        result = pipeline.resume(resume) if resume else pipeline.start(request)
    emit(_plain(result), as_json=as_json, text=lambda: _report(result))


def _telemetry() -> Telemetry:
    """As the environment's variables say; a run does not fail for them."""
    try:
        return telemetry_start.start(
            TelemetrySettings.from_environment(), "northstar-run", secrets.token_hex(8)
        )
    except NorthstarError as error:
        say(f"The run is not traced: {error.message} {error.hint}")
        return QuietTelemetry()


def _request(start: str | None, end: str | None, parameters: tuple[str, ...]) -> RunRequest:
    try:
        return RunRequest(
            start=_moment(start, "--from"),
            end=_moment(end, "--until"),
            parameters=dict(_parameter(each) for each in parameters),
        )
    except ValidationError as error:
        what = "; ".join(fault["msg"].removeprefix("Value error, ") for fault in error.errors())
        raise Invalid(f"This can't be run: {what}.") from error


def _moment(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(
            f"{option} {text!r} is not a time.", hint="Write 2013-04-01 or 2013-04-01T06:00."
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parameter(text: str) -> tuple[str, JsonValue]:
    """``NAME=VALUE``; the value is read as in ``northstar.yaml``, so ``0.1`` is a number."""
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise Invalid(f"--parameter {text!r} is not NAME=VALUE.")
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError:
        return name, value


def _plain(result: RunResult) -> dict[str, Any]:
    registration = result.registration
    return {
        "run": result.run,
        "mlflow_run": result.mlflow_run,
        "project": str(registration.project_ref),
        "version": result.version,
        "evidence": registration.evidence,
        "lineage": registration.lineage,
    }


def _report(result: RunResult) -> str:
    evidence = result.registration.evidence
    rows = [
        (name, _interval(metric), _interval(evidence.baseline.get(name)))
        for name, metric in evidence.metrics.items()
    ]
    lines = [table(("metric", "model", "baseline"), rows), ""]
    difference = evidence.baseline_difference
    if difference is not None:
        lines.append(
            f"Better than the baseline by {_interval(difference)} {evidence.primary_metric}."
        )
    if evidence.live_difference is not None:
        lines.append(
            f"Better than version {evidence.live_version}, which is live, "
            f"by {_interval(evidence.live_difference)}."
        )
    lines += [
        f"Suspected leak: {suspect.feature}: {suspect.explanation}"
        for suspect in evidence.leak_suspects or []
    ]
    ref = result.registration.project_ref
    lines += [
        f"Registered version {result.version} of {ref}.",
        f"Next: northstar gate {ref} {result.version} --environment prod",
    ]
    return "\n".join(lines)


def _interval(metric: Metric | None) -> str:
    if metric is None:
        return "–"
    if metric.low is None or metric.high is None:
        return f"{metric.value:.4f}"
    return f"{metric.value:.4f} ({metric.low:.4f} to {metric.high:.4f})"


def _echo(text: str) -> None:
    click.echo(text, err=True, nl=False)


_silence: Callable[[str], None] = lambda _: None  # noqa: E731 - a sink, not a function to call
