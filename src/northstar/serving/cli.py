"""``northstar serve`` and ``northstar endpoint``."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import click

from northstar.connection import Connection, find_credentials
from northstar.connection.managed_identity import IdentityEndpoint
from northstar.errors import Invalid, NorthstarError
from northstar.isolation.this_process import hide_secrets
from northstar.names import EndpointRef, ProjectRef
from northstar.serving.client import EndpointClient
from northstar.serving.dataplane.address import public_address
from northstar.serving.dataplane.agent import Agent
from northstar.serving.dataplane.agent import serve as run_agent
from northstar.serving.dataplane.spec import HttpControlPlane
from northstar.serving.dataplane.state import StateFolder
from northstar.serving.dataplane.telemetry import (
    EndpointTelemetry,
    start_telemetry,
    unobserved,
)
from northstar.serving.domain import EndpointView, latency_quantile_ms
from northstar.storage.places import check_place, local_folder
from northstar.terminal import connect, emit, json_option, say, table

log = logging.getLogger(__name__)


@click.command()
@click.argument("endpoint")
@click.option("--url", help="The control plane; otherwise as for every command.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, help="Port to listen on; 0 takes a free one.", show_default=True)
@click.option(
    "--public-url",
    envvar="NORTHSTAR_ENDPOINT_URL",
    show_envvar=True,
    default="",
    help="The address that callers are told, if it is not the one it listens on.",
)
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes."
)
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the last good spec and its models are kept.",
)
@click.option(
    "--captures",
    envvar="NORTHSTAR_CAPTURES",
    show_envvar=True,
    help="Where captures go: a folder, or the address of a store, to which they are shipped from "
    "--state-dir; below --state-dir if absent.",
)
def serve(
    endpoint: str,
    url: str | None,
    host: str,
    port: int,
    public_url: str,
    workers: int,
    state_dir: Path | None,
    captures: str | None,
) -> None:
    """Serve ENDPOINT (SQUAD/PROJECT/ENVIRONMENT) until it is stopped.

    It serves what the control plane says; while that is away, what it said last.
    """
    hide_secrets()  # the squad's models run as the same user, and have an identity of their own
    ref = EndpointRef.parse(endpoint)
    public_address(public_url, host, port)  # refused before anything has begun
    logging.basicConfig(format="%(asctime)s %(levelname)s agent: %(message)s", level=logging.INFO)
    for noisy in ("httpx", "httpx2", "httpcore", "httpcore2", "azure"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    environ = {**os.environ, **({"NORTHSTAR_URL": url} if url else {})}
    connection = Connection(find_credentials(environ))
    folder = state_dir or Path(".northstar") / "endpoints" / ref.squad / ref.project
    folder = (folder if state_dir else folder / ref.environment).resolve()
    kept = captures or str(folder / "captures")
    check_place(kept, os.environ)
    local = local_folder(kept)
    state = StateFolder(folder)
    identity = IdentityEndpoint(connection, os.environ)
    with state.lock(), closing(identity), closing(_telemetry(ref)) as telemetry:
        agent = Agent(
            ref,
            state,
            local or folder / "captures",
            HttpControlPlane(connection, ref),
            ship_to="" if local else kept,
            host=host,
            public_url=public_url,
            port=port,
            workers=workers,
            environment=identity.environment,
            telemetry=telemetry,
        )
        say(f"{ref} answers at {agent.url}")
        run_agent(agent)


def _telemetry(endpoint: EndpointRef) -> EndpointTelemetry:
    """As the environment's variables say; answering does not depend on them."""
    try:
        return start_telemetry(endpoint)
    except NorthstarError as error:
        log.error("nobody is told of %s: %s %s", endpoint, error.message, error.hint)  # noqa: TRY400 - the message says it all
        return unobserved(endpoint)


@click.group()
def endpoint() -> None:
    """Endpoints: where they are and how they do."""


@endpoint.command("list")
@click.argument("project", metavar="SQUAD/PROJECT")
@json_option
def list_endpoints(project: str, as_json: bool) -> None:
    """A project's endpoints."""
    with closing(EndpointClient(connect())) as client:
        views = client.list(ProjectRef.parse(project))
    rows = [(v.endpoint, _weights(v), _state(v), v.url, _requests(v)) for v in views]
    headers = ("endpoint", "traffic", "state", "url", "requests")
    emit(views, as_json=as_json, text=lambda: table(headers, rows))


@endpoint.command("show")
@click.argument("endpoint", metavar="SQUAD/PROJECT/ENVIRONMENT")
@json_option
def show_endpoint(endpoint: str, as_json: bool) -> None:
    """One endpoint: its address, versions, traffic and counters."""
    with closing(EndpointClient(connect())) as client:
        view = client.show(EndpointRef.parse(endpoint))
    emit(view, as_json=as_json, text=lambda: _shown(view))


@endpoint.command("invoke")
@click.argument("endpoint", metavar="SQUAD/PROJECT/ENVIRONMENT")
@click.argument("rows", type=click.File("r"), default="-")
@click.option(
    "--id", "request_id", default="", help="The request's id, for labels that come later."
)
@click.option("--user", default="", help="Whom traffic is split by.")
@click.option("--event-time", help="When what is predicted takes place (ISO 8601).")
@json_option
def invoke(
    endpoint: str,
    rows: IO[str],
    request_id: str,
    user: str,
    event_time: str | None,
    as_json: bool,
) -> None:
    """Ask an endpoint about ROWS: a file (or -) with a JSON object, or a list of them."""
    ref = EndpointRef.parse(endpoint)
    with closing(EndpointClient(connect())) as client:
        answer = client.predict(
            ref,
            _read_rows(rows.read()),
            request_id=request_id,
            user=user,
            event_time=_moment(event_time),
        )
    data = {
        "ids": answer.ids,
        "predictions": answer.predictions,
        "version": answer.version,
        "classes": answer.classes,
        "trace": answer.trace,
    }
    pairs = list(zip(answer.ids, map(_prediction, answer.predictions), strict=True))
    emit(data, as_json=as_json, text=lambda: table(("id", "prediction"), pairs))


def _read_rows(text: str) -> Sequence[dict[str, Any]]:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise Invalid(f"The rows are not JSON: {error}.") from error
    rows = given if isinstance(given, list) else [given]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise Invalid("The rows are not a JSON object, nor a list of them.")
    return rows


def _moment(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"--event-time {text!r} is not ISO 8601.") from error


def _prediction(value: Any) -> str:
    values = value if isinstance(value, list) else [value]
    return " ".join(f"{number:.6g}" for number in values)


def _weights(view: EndpointView) -> str:
    return ", ".join(f"v{version} {share:g} %" for version, share in view.weights.items())


def _state(view: EndpointView) -> str:
    if view.problem:
        return "problem"
    if not view.answering:
        return "not answering"
    return "answering" if view.served_revision == view.revision else "switching"


def _requests(view: EndpointView) -> int:
    return sum(counter.requests for counter in view.counters)


def _shown(view: EndpointView) -> str:
    headers = ("version", "traffic %", "requests", "errors", "rows", "p50 ms", "p99 ms", "mean")
    rows = [
        (
            f"v{c.version}",
            view.weights.get(c.version),
            c.requests,
            c.errors,
            c.rows,
            latency_quantile_ms(c.latency, 0.5),
            latency_quantile_ms(c.latency, 0.99),
            c.prediction_sum / c.prediction_count if c.prediction_count else None,
        )
        for c in view.counters
    ]
    lines = [
        f"{view.endpoint}: {_state(view)}, revision {view.served_revision} of {view.revision}",
        f"  at {view.url or 'no address yet'}",
        f"  traffic: {_weights(view) or 'none'}",
        f"  captured {view.captured} rows, dropped {view.dropped}; rejected {view.rejected}",
        *([f"  {view.waiting} capture segments wait to be shipped"] if view.waiting else []),
        *([f"  {view.spans_lost} traced requests were told to nobody"] if view.spans_lost else []),
        *([f"  metrics at {view.metrics_url}"] if view.metrics_url else []),
    ]
    if view.problem:
        lines.append(f"  problem: {view.problem}")
    return "\n".join([*lines, "", table(headers, rows, empty="No requests yet.")])
