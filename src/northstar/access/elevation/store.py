"""The table of elevations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    RowMapping,
    Select,
    String,
    Table,
    Text,
    and_,
    insert,
    select,
    update,
)

from northstar.access.elevation.domain import Elevation
from northstar.access.store import assignments
from northstar.database import UtcDateTime, metadata

_ID = 255

elevations = Table(
    "access_elevations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column(
        "principal",
        String(_ID),
        ForeignKey("access_principals.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("role", String(63), nullable=False),
    Column("scope", String(_ID), nullable=False),
    Column("reason", Text, nullable=False),
    Column("duration_seconds", Integer, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("decided_by", String(_ID)),
    Column("decided_at", UtcDateTime),
    Column("remark", Text, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("ended_by", String(_ID)),
    Column("ended_at", UtcDateTime),
    Column("assignment", Integer),
    sqlite_autoincrement=True,
)


def add(connection: Connection, **values: Any) -> Elevation:
    """Insert a request and return it with its id."""
    made = connection.execute(insert(elevations).values(**values).returning(elevations.c.id))
    return Elevation(id=int(made.scalar_one()), **values)


def one(connection: Connection, elevation: int, *, to_change: bool = False) -> Elevation | None:
    """One elevation; ``to_change`` keeps others from changing it until the transaction ends."""
    query = _query().where(elevations.c.id == elevation)
    if to_change:
        query = query.with_for_update(of=elevations)
    row = connection.execute(query).mappings().first()
    return _elevation(row) if row else None


def since(connection: Connection, moment: datetime) -> list[Elevation]:
    """Everything that was asked for since then, the newest first."""
    query = _query().where(elevations.c.requested_at >= moment).order_by(elevations.c.id.desc())
    return [_elevation(row) for row in connection.execute(query).mappings()]


def save(connection: Connection, elevation: Elevation, assignment: int | None = None) -> None:
    """Write what became of an elevation, and which assignment gives its role."""
    values = elevation.model_dump(exclude={"id"})
    if assignment is not None:
        values["assignment"] = assignment
    connection.execute(update(elevations).where(elevations.c.id == elevation.id).values(**values))


def assignment_of(connection: Connection, elevation: int) -> int | None:
    """The role assignment that an elevation stands for, unless it was revoked."""
    query = select(assignments.c.id).select_from(elevations.join(assignments, _SAME))
    return connection.execute(query.where(elevations.c.id == elevation)).scalar_one_or_none()


# A database of before numbers were kept may have given one twice: the rest must agree as well.
_SAME = and_(
    elevations.c.assignment == assignments.c.id,
    *(elevations.c[name] == assignments.c[name] for name in ("principal", "role", "scope")),
    elevations.c.expires_at == assignments.c.expires_at,
)


def _query() -> Select[Any]:
    joined = elevations.outerjoin(assignments, _SAME)
    return select(elevations, assignments.c.id.label("held")).select_from(joined)


def _elevation(row: RowMapping) -> Elevation:
    found = Elevation.model_validate({name: row[name] for name in Elevation.model_fields})
    if found.state == "active" and row["held"] is None:  # revoked like any other role
        return found.model_copy(update={"state": "ended"})
    return found
