"""The tables of releases: their present state, their logs, and the traffic that they ask for."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Select,
    String,
    Table,
    Text,
    func,
    insert,
    or_,
    select,
    update,
)

from northstar.database import UtcDateTime, metadata
from northstar.names import EndpointRef, EnvironmentName, ProjectRef, check_environment
from northstar.release.domain import AnyEvent, Event, Release, ReleaseState
from northstar.release.telemetry import emit_changed, emit_proposed
from northstar.release.traffic import Traffic

_NAME = String(63)
_EVENT: TypeAdapter[Event] = TypeAdapter(AnyEvent)

releases = Table(
    "releases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("squad", _NAME, nullable=False),
    Column("project", _NAME, nullable=False),
    Column("environment", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("body", Text, nullable=False),
)
_BUSY: tuple[ReleaseState, ...] = ("approved", "rolling-out")
_ENDPOINT = (releases.c.squad, releases.c.project, releases.c.environment)
_is_busy = releases.c.state.in_(_BUSY)
_is_live = releases.c.state == "live"
Index("ix_releases_endpoint", *_ENDPOINT)
# Two rollouts at once, or two live releases, cannot be written, whatever the service does.
Index("uq_releases_busy", *_ENDPOINT, unique=True, sqlite_where=_is_busy, postgresql_where=_is_busy)
Index("uq_releases_live", *_ENDPOINT, unique=True, sqlite_where=_is_live, postgresql_where=_is_live)

release_events = Table(
    "release_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("release", ForeignKey("releases.id"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("body", Text, nullable=False),
)

release_traffic = Table(
    "release_traffic",
    metadata,
    Column("squad", _NAME, primary_key=True),
    Column("project", _NAME, primary_key=True),
    Column("environment", String(16), primary_key=True),
    Column("wanted", Text, nullable=False),
    Column("applied", Text),
)


def add(connection: Connection, release: Release, *events: Event) -> Release:
    """Write a new release with its first events; the answer has its id."""
    inserted = insert(releases).values(_columns(release)).returning(releases.c.id)
    added = release.model_copy(update={"id": connection.execute(inserted).scalar_one()})
    _write(connection, added, *events)
    emit_proposed(connection, added)
    return added


def save(connection: Connection, release: Release, event: Event) -> None:
    """Write a release as it is after the event."""
    _write(connection, release, event)
    emit_changed(connection, release, event)


def lock(connection: Connection, endpoint: EndpointRef) -> dict[int, Release]:
    """All releases of an endpoint by id, kept from other writers until the transaction ends."""
    found = _read(connection, _of(endpoint).order_by(releases.c.id).with_for_update())
    return {release.id: release for release in found}


def one(connection: Connection, endpoint: EndpointRef, release_id: int) -> Release | None:
    """The endpoint's release with this id."""
    found = _read(connection, _of(endpoint).where(releases.c.id == release_id))
    return found[0] if found else None


def of_endpoint(connection: Connection, endpoint: EndpointRef) -> list[Release]:
    """All releases of an endpoint, newest first."""
    return _read(connection, _of(endpoint).order_by(releases.c.id.desc()))


def of_version(connection: Connection, project: ProjectRef, version: int) -> list[Release]:
    """All releases of a version, newest first."""
    t = releases
    query = select(t.c.body).where(
        t.c.squad == project.squad, t.c.project == project.project, t.c.version == version
    )
    return _read(connection, query.order_by(t.c.id.desc()))


def counts(connection: Connection) -> dict[tuple[EnvironmentName, ReleaseState], int]:
    """How many releases there are, by environment and state."""
    t = releases
    query = select(t.c.environment, t.c.state, func.count()).group_by(t.c.environment, t.c.state)
    return {(environment, state): n for environment, state, n in connection.execute(query)}


def waiting(connection: Connection) -> list[Release]:
    """All releases that wait for somebody's approval, oldest first."""
    query = select(releases.c.body).where(releases.c.state == "proposed")
    return _read(connection, query.order_by(releases.c.id))


def events_of(connection: Connection, release_id: int) -> list[Event]:
    """A release's log, oldest first."""
    t = release_events
    rows = connection.execute(select(t.c.body).where(t.c.release == release_id).order_by(t.c.id))
    return [_EVENT.validate_json(row.body) for row in rows]


def unsettled(connection: Connection) -> list[EndpointRef]:
    """The endpoints for which something is left to do, in a fixed order."""
    t = release_traffic
    unapplied = or_(t.c.applied.is_(None), t.c.applied != t.c.wanted)
    rows = [
        *connection.execute(select(*_ENDPOINT).where(_is_busy)),
        *connection.execute(select(t.c.squad, t.c.project, t.c.environment).where(unapplied)),
    ]
    return sorted(
        {EndpointRef(row.squad, row.project, check_environment(row.environment)) for row in rows}
    )


def want(connection: Connection, endpoint: EndpointRef, traffic: Traffic) -> None:
    """Write down what the endpoint should do."""
    text = traffic.model_dump_json()
    changed = connection.execute(
        update(release_traffic).where(_traffic_of(endpoint)).values(wanted=text)
    )
    if not changed.rowcount:
        place: dict[str, Any] = {
            "squad": endpoint.squad,
            "project": endpoint.project,
            "environment": endpoint.environment,
        }
        connection.execute(insert(release_traffic).values(**place, wanted=text))


def unapplied(connection: Connection, endpoint: EndpointRef) -> Traffic | None:
    """What the endpoint should do and was not told yet."""
    t = release_traffic
    row = connection.execute(select(t).where(_traffic_of(endpoint))).one_or_none()
    if row is None or row.wanted == row.applied:
        return None
    return Traffic.model_validate_json(row.wanted)


def mark_applied(connection: Connection, endpoint: EndpointRef, traffic: Traffic) -> None:
    """Write down what the endpoint was told."""
    text = traffic.model_dump_json()
    connection.execute(update(release_traffic).where(_traffic_of(endpoint)).values(applied=text))


def _write(connection: Connection, release: Release, *events: Event) -> None:
    t = releases
    connection.execute(update(t).where(t.c.id == release.id).values(_columns(release)))
    for event in events:
        connection.execute(
            insert(release_events).values(
                release=release.id, at=event.at, kind=event.kind, body=event.model_dump_json()
            )
        )


def _columns(release: Release) -> dict[str, Any]:
    return {
        "squad": release.squad,
        "project": release.project,
        "environment": release.environment,
        "version": release.version,
        "state": release.state,
        "created_at": release.created_at,
        "body": release.model_dump_json(),
    }


def _of(endpoint: EndpointRef) -> Select[tuple[str]]:
    t = releases
    return select(t.c.body).where(
        t.c.squad == endpoint.squad,
        t.c.project == endpoint.project,
        t.c.environment == endpoint.environment,
    )


def _read(connection: Connection, query: Select[tuple[str]]) -> list[Release]:
    return [Release.model_validate_json(row.body) for row in connection.execute(query)]


def _traffic_of(endpoint: EndpointRef) -> ColumnElement[bool]:
    t = release_traffic
    return (
        (t.c.squad == endpoint.squad)
        & (t.c.project == endpoint.project)
        & (t.c.environment == endpoint.environment)
    )
