"""The tables of environments, of what was reported of them, and of freezes.

All functions work in the caller's transaction.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from northstar.database import UtcDateTime, metadata
from northstar.environments.domain import Environment, ReportKind, StoredReport
from northstar.environments.freezes import Freeze
from northstar.names import EnvironmentName

environments = Table(
    "environments",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("document", JSON, nullable=False),
    Column("set_by", String(255), nullable=False),
    Column("set_at", UtcDateTime, nullable=False),
)

reports = Table(
    "environment_reports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("environment", String(20), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("succeeded", Boolean, nullable=False),
    Column("document", JSON, nullable=False),
    UniqueConstraint("environment", "kind", "at"),
)

freezes = Table(
    "release_freezes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("environment", String(20), nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("lifted_by", String(255), nullable=True),
    Column("lifted_at", UtcDateTime, nullable=True),
    Column("document", JSON, nullable=False),
    Index("ix_release_freezes_environment", "environment", "ends_at"),
)


def environment(connection: Connection, name: EnvironmentName) -> Environment:
    """An environment as it was set; one with its name alone if it was not."""
    wanted = select(environments.c.document).where(environments.c.name == name)
    stored = connection.execute(wanted).scalar()
    return Environment.model_validate(stored) if stored else Environment(name=name)


def set_environment(connection: Connection, wanted: Environment, by: str, at: datetime) -> None:
    """Keep what is set of an environment, in place of what was."""
    values = {"document": wanted.model_dump(mode="json"), "set_by": by, "set_at": at}
    made = _upsert(connection, environments).values(name=wanted.name, **values)
    connection.execute(made.on_conflict_do_update(index_elements=["name"], set_=values))


def forget_environment(connection: Connection, name: EnvironmentName) -> None:
    """Forget what was set of an environment; nothing happens where nothing was."""
    connection.execute(delete(environments).where(environments.c.name == name))


def add_report(connection: Connection, report: StoredReport) -> StoredReport:
    """Keep a report; raises ``IntegrityError`` if there is one of its kind and time."""
    values = {
        "environment": report.environment,
        "kind": report.kind,
        "at": report.at,
        "succeeded": report.succeeded,
    }
    made = connection.execute(
        insert(reports).values(**values, document=report.model_dump(mode="json"))
    )
    assert made.inserted_primary_key is not None  # noqa: S101 - the table has one
    return report.model_copy(update={"id": int(made.inserted_primary_key[0])})


def same_report(connection: Connection, report: StoredReport) -> StoredReport | None:
    """The report of this environment, kind and time, if it was kept already."""
    found = _reports(
        connection,
        select(reports).where(
            reports.c.environment == report.environment,
            reports.c.kind == report.kind,
            reports.c.at == report.at,
        ),
    )
    return found[0] if found else None


def latest_report(
    connection: Connection, name: EnvironmentName, *kinds: ReportKind, succeeded: bool = True
) -> StoredReport | None:
    """The latest report of one of these kinds, by its own time."""
    wanted = (
        select(reports)
        .where(
            reports.c.environment == name,
            reports.c.kind.in_(kinds),
            reports.c.succeeded == succeeded,
        )
        .order_by(reports.c.at.desc())
        .limit(1)
    )
    return next(iter(_reports(connection, wanted)), None)


def list_reports(
    connection: Connection, name: EnvironmentName, kind: ReportKind | None, limit: int
) -> list[StoredReport]:
    """An environment's reports, newest first."""
    wanted = select(reports).where(reports.c.environment == name)
    if kind is not None:
        wanted = wanted.where(reports.c.kind == kind)
    return _reports(connection, wanted.order_by(reports.c.at.desc()).limit(limit))


def forget_reports(connection: Connection, name: EnvironmentName, kept: int) -> None:
    """Forget all but the latest of an environment's reports of each kind and outcome."""
    place = (
        func.row_number()
        .over(partition_by=(reports.c.kind, reports.c.succeeded), order_by=reports.c.at.desc())
        .label("place")
    )
    ranked = select(reports.c.id, place).where(reports.c.environment == name).subquery()
    old = select(ranked.c.id).where(ranked.c.place > kept)
    connection.execute(delete(reports).where(reports.c.id.in_(old)))


def add_freeze(connection: Connection, freeze: Freeze) -> Freeze:
    """Keep a new freeze."""
    made = connection.execute(insert(freezes).values(**_columns(freeze)))
    assert made.inserted_primary_key is not None  # noqa: S101 - the table has one
    added = freeze.model_copy(update={"id": int(made.inserted_primary_key[0])})
    save_freeze(connection, added)
    return added


def save_freeze(connection: Connection, freeze: Freeze) -> None:
    """Write a freeze as it is now."""
    wanted = update(freezes).where(freezes.c.id == freeze.id)
    connection.execute(wanted.values(**_columns(freeze)))


def lift_freeze(connection: Connection, number: int, by: str, at: datetime) -> None:
    """Let a freeze hold no longer; that there was one is kept."""
    wanted = update(freezes).where(freezes.c.id == number)
    connection.execute(wanted.values(lifted_by=by, lifted_at=at))


def get_freeze(connection: Connection, number: int) -> Freeze | None:
    """A freeze that was not lifted; until the transaction ends nobody else changes it."""
    wanted = select(freezes.c.document).where(freezes.c.id == number, freezes.c.lifted_at.is_(None))
    stored = connection.execute(wanted.with_for_update()).scalar()
    return Freeze.model_validate(stored) if stored else None


def list_freezes(
    connection: Connection, name: EnvironmentName | None, ends_after: datetime | None
) -> list[Freeze]:
    """Freezes that were not lifted, by their beginning."""
    wanted = select(freezes.c.document).where(freezes.c.lifted_at.is_(None))
    if name is not None:
        wanted = wanted.where(freezes.c.environment == name)
    if ends_after is not None:
        wanted = wanted.where(freezes.c.ends_at > ends_after)
    stored = connection.execute(wanted.order_by(freezes.c.starts_at, freezes.c.id))
    return [Freeze.model_validate(document) for (document,) in stored]


def _upsert(connection: Connection, table: Table) -> Any:
    """An insert of this database's, which knows what to do with a row that is there."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _reports(connection: Connection, wanted: Any) -> list[StoredReport]:
    return [
        StoredReport.model_validate({**row.document, "id": row.id})
        for row in connection.execute(wanted)
    ]


def _columns(freeze: Freeze) -> dict[str, Any]:
    columns = freeze.model_dump(include={"environment", "starts_at", "ends_at"})
    return {**columns, "document": freeze.model_dump(mode="json")}
