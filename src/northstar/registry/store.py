"""The registry's tables: versions as they were registered, and what the aliases point at."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ForeignKeyConstraint,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    delete,
    insert,
    or_,
    select,
)

from northstar.database import UtcDateTime, metadata
from northstar.names import EnvironmentName, ProjectRef, check_environment
from northstar.registry.domain import VersionRecord

_NAME = String(63)

model_versions = Table(
    "model_versions",
    metadata,
    Column("squad", _NAME, primary_key=True),
    Column("project", _NAME, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("run_id", String(64), nullable=False),
    Column("model_id", String(64)),
    Column("digest", String(71), nullable=False),
    Column("registered_by", Text, nullable=False),
    Column("registered_at", UtcDateTime, nullable=False),
    Column("record", Text, nullable=False),
    UniqueConstraint("squad", "project", "run_id"),
)

version_aliases = Table(
    "version_aliases",
    metadata,
    Column("squad", _NAME, primary_key=True),
    Column("project", _NAME, primary_key=True),
    Column("environment", String(16), primary_key=True),
    Column("version", Integer, nullable=False),
    ForeignKeyConstraint(
        ["squad", "project", "version"],
        ["model_versions.squad", "model_versions.project", "model_versions.version"],
    ),
)


def add_version(connection: Connection, record: VersionRecord, model_id: str | None) -> None:
    """Write a new version; ``IntegrityError`` if the run or the number is already there.

    ``model_id`` is that of MLflow's logged model, if it is one.
    """
    connection.execute(
        insert(model_versions).values(
            squad=record.squad,
            project=record.project,
            version=record.version,
            run_id=record.run_id,
            model_id=model_id,
            digest=record.digest,
            registered_by=record.registered_by,
            registered_at=record.registered_at,
            record=record.model_dump_json(),
        )
    )


def version_numbered(
    connection: Connection, project: ProjectRef, version: int
) -> VersionRecord | None:
    """The version with this number."""
    return _one(connection, project, model_versions.c.version == version)


def version_of_run(
    connection: Connection, project: ProjectRef, run_id: str
) -> VersionRecord | None:
    """The version that this run registered."""
    return _one(connection, project, model_versions.c.run_id == run_id)


def versions_of(connection: Connection, project: ProjectRef) -> list[VersionRecord]:
    """All versions of a project, newest first."""
    t = model_versions
    rows = connection.execute(
        select(t.c.record)
        .where(t.c.squad == project.squad, t.c.project == project.project)
        .order_by(t.c.version.desc())
    )
    return [VersionRecord.model_validate_json(row.record) for row in rows]


def has_any_version(connection: Connection, squad: str) -> bool:
    """Whether any version of any project of a squad is registered."""
    return _exists(connection, model_versions.c.squad == squad)


def has_versions(connection: Connection, project: ProjectRef) -> bool:
    """Whether any version of a project is registered."""
    t = model_versions
    condition = (t.c.squad == project.squad) & (t.c.project == project.project)
    return _exists(connection, condition)


_MADE_OF = (  # built once: every artifact that is written waits for it
    select(model_versions.c.version)
    .where(
        model_versions.c.squad == bindparam("squad"),
        or_(
            model_versions.c.run_id == bindparam("owner"),
            model_versions.c.model_id == bindparam("owner"),
        ),
    )
    .limit(1)
)


def is_made_of(connection: Connection, squad: str, owner: str) -> bool:
    """Whether a version was made of this run or logged model."""
    return connection.execute(_MADE_OF, {"squad": squad, "owner": owner}).first() is not None


def point_alias(
    connection: Connection, project: ProjectRef, environment: EnvironmentName, version: int
) -> None:
    """Point the environment's alias at a version."""
    t = version_aliases
    connection.execute(
        delete(t).where(
            t.c.squad == project.squad,
            t.c.project == project.project,
            t.c.environment == environment,
        )
    )
    connection.execute(
        insert(t).values(
            squad=project.squad, project=project.project, environment=environment, version=version
        )
    )


def aliases_of(connection: Connection, project: ProjectRef) -> dict[EnvironmentName, int]:
    """The live version of each environment that has one."""
    t = version_aliases
    rows = connection.execute(
        select(t.c.environment, t.c.version).where(
            t.c.squad == project.squad, t.c.project == project.project
        )
    )
    return {check_environment(row.environment): row.version for row in rows}


def _one(
    connection: Connection, project: ProjectRef, condition: ColumnElement[bool]
) -> VersionRecord | None:
    t = model_versions
    text = connection.execute(
        select(t.c.record).where(
            t.c.squad == project.squad, t.c.project == project.project, condition
        )
    ).scalar_one_or_none()
    return None if text is None else VersionRecord.model_validate_json(text)


def _exists(connection: Connection, condition: ColumnElement[bool]) -> bool:
    query = select(model_versions.c.version).where(condition).limit(1)
    return connection.execute(query).first() is not None
