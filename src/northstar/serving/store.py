"""Serving's tables: what every endpoint shall serve, what its instances report, their processes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    String,
    Table,
    Text,
    and_,
    delete,
    insert,
    select,
    update,
)

from northstar.database import UtcDateTime, metadata
from northstar.names import EndpointRef, check_environment
from northstar.serving.domain import EndpointStatus, ModelSpec

_NAME = String(63)
_MODELS = TypeAdapter(tuple[ModelSpec, ...])
_WEIGHTS = TypeAdapter(dict[int, float])

endpoints = Table(
    "endpoints",
    metadata,
    Column("squad", _NAME, primary_key=True),
    Column("project", _NAME, primary_key=True),
    Column("environment", String(16), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("weights", Text, nullable=False),
    Column("models", Text, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

endpoint_instances = Table(
    "endpoint_instances",
    metadata,
    Column("squad", _NAME, primary_key=True),
    Column("project", _NAME, primary_key=True),
    Column("environment", String(16), primary_key=True),
    Column("instance", String(64), primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("status", Text, nullable=False),
)

endpoint_processes = Table(
    "endpoint_processes",
    metadata,
    Column("squad", _NAME, primary_key=True),
    Column("project", _NAME, primary_key=True),
    Column("environment", String(16), primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("port", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("start_at", UtcDateTime, nullable=False),
)


@dataclass(frozen=True)
class Traffic:
    """Which versions an endpoint holds and what share of requests each gets, in percent."""

    revision: int
    weights: dict[int, float]
    models: tuple[ModelSpec, ...]


@dataclass(frozen=True)
class SeenStatus:
    """An instance's last report and when it came."""

    status: EndpointStatus
    seen_at: datetime


@dataclass(frozen=True)
class ProcessRecord:
    """What the supervisor knows of an endpoint's process.

    ``pid`` is 0 when none was started since the last end; ``start_at`` is the earliest time of
    the next start.
    """

    pid: int
    started: int
    port: int
    failures: int
    start_at: datetime


def all_endpoints(connection: Connection) -> list[EndpointRef]:
    """Every endpoint that was ever given traffic, by name."""
    t = endpoints
    rows = connection.execute(
        select(t.c.squad, t.c.project, t.c.environment).order_by(
            t.c.squad, t.c.project, t.c.environment
        )
    )
    return [EndpointRef(r.squad, r.project, check_environment(r.environment)) for r in rows]


def traffic_of(connection: Connection, endpoint: EndpointRef) -> Traffic | None:
    """What an endpoint shall serve, if anything was ever said."""
    row = connection.execute(select(endpoints).where(_is(endpoints, endpoint))).one_or_none()
    if row is None:
        return None
    return Traffic(
        row.revision, _WEIGHTS.validate_json(row.weights), _MODELS.validate_json(row.models)
    )


def put_traffic(
    connection: Connection, endpoint: EndpointRef, traffic: Traffic, now: datetime
) -> None:
    """Write what an endpoint shall serve."""
    values = {
        "revision": traffic.revision,
        "weights": _WEIGHTS.dump_json(traffic.weights).decode(),
        "models": _MODELS.dump_json(traffic.models).decode(),
        "changed_at": now,
    }
    _put(connection, endpoints, _is(endpoints, endpoint), _key(endpoint), values)


def put_status(
    connection: Connection, endpoint: EndpointRef, status: EndpointStatus, now: datetime
) -> None:
    """Write an instance's report over its earlier one."""
    t = endpoint_instances
    values = {"seen_at": now, "status": status.model_dump_json()}
    one = and_(_is(t, endpoint), t.c.instance == status.instance)
    _put(connection, t, one, {**_key(endpoint), "instance": status.instance}, values)


def statuses_of(connection: Connection, endpoint: EndpointRef) -> list[SeenStatus]:
    """The last report of every instance that an endpoint ever had, the latest first."""
    t = endpoint_instances
    rows = connection.execute(
        select(t.c.status, t.c.seen_at).where(_is(t, endpoint)).order_by(t.c.seen_at.desc())
    )
    return [SeenStatus(EndpointStatus.model_validate_json(r.status), r.seen_at) for r in rows]


def process_of(connection: Connection, endpoint: EndpointRef) -> ProcessRecord | None:
    """What is known of an endpoint's process."""
    t = endpoint_processes
    row = connection.execute(select(t).where(_is(t, endpoint))).one_or_none()
    if row is None:
        return None
    return ProcessRecord(row.pid, row.started, row.port, row.failures, row.start_at)


def put_process(connection: Connection, endpoint: EndpointRef, process: ProcessRecord) -> None:
    """Write what is known of an endpoint's process."""
    values = {
        "pid": process.pid,
        "started": process.started,
        "port": process.port,
        "failures": process.failures,
        "start_at": process.start_at,
    }
    t = endpoint_processes
    _put(connection, t, _is(t, endpoint), _key(endpoint), values)


def forget_process(connection: Connection, endpoint: EndpointRef) -> None:
    """Remove what is known of an endpoint's process."""
    connection.execute(delete(endpoint_processes).where(_is(endpoint_processes, endpoint)))


def _is(table: Table, endpoint: EndpointRef) -> ColumnElement[bool]:
    return and_(
        table.c.squad == endpoint.squad,
        table.c.project == endpoint.project,
        table.c.environment == endpoint.environment,
    )


def _key(endpoint: EndpointRef) -> dict[str, str]:
    return {
        "squad": endpoint.squad,
        "project": endpoint.project,
        "environment": endpoint.environment,
    }


def _put(
    connection: Connection,
    table: Table,
    one: ColumnElement[bool],
    key: dict[str, str],
    values: dict[str, object],
) -> None:
    if connection.execute(update(table).where(one).values(**values)).rowcount == 0:
        connection.execute(insert(table).values(**key, **values))
