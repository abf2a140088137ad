"""The tables of access: principals, secrets, roles, keys, sessions and the audit."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from northstar.access.domain import Principal, RoleAssignment
from northstar.database import UtcDateTime, metadata

_ID = 255
_NO_TOKEN_LIVES_LONGER = timedelta(days=2)

principals = Table(
    "access_principals",
    metadata,
    Column("id", String(_ID), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(_ID), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(_ID), nullable=False),
)
secrets = Table(
    "access_secrets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column(
        "principal",
        String(_ID),
        ForeignKey("access_principals.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("label", String(63), nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("started_by", String(_ID)),  # who started the process that it was made for
    sqlite_autoincrement=True,  # the audit names secrets and assignments by number for good
)
assignments = Table(
    "access_role_assignments",
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
    Column("expires_at", UtcDateTime),
    Column("assigned_by", String(_ID), nullable=False),
    Column("assigned_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)
keys = Table(
    "access_keys",
    metadata,
    Column("kid", String(63), primary_key=True),
    Column("private_jwk", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
sessions = Table(
    "access_sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),  # "link" (used once) or "session"
    Column(
        "principal",
        String(_ID),
        ForeignKey("access_principals.id", ondelete="CASCADE"),
        nullable=False,
    ),
    # Of the link, for the session that it began: what a revocation ends is as old as its origin.
    Column("issued_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)
revocations = Table(
    "access_revocations",
    metadata,
    Column("principal", String(_ID), primary_key=True),  # may have been deleted since
    Column("at", UtcDateTime, nullable=False, index=True),
)
# Who ever made a credential of a service may know it still; it outlives both of them.
key_makers = Table(
    "access_key_makers",
    metadata,
    Column("principal", String(_ID), primary_key=True),
    Column("maker", String(_ID), primary_key=True),
)
revision = Table(
    "access_revision",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("value", Integer, nullable=False),
)
audit = Table(
    "access_audit",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("principal", String(_ID), nullable=False, index=True),
    Column("action", String(63), nullable=False, index=True),
    Column("scope", String(_ID), nullable=False, index=True),
    Column("outcome", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Column("credential", String(_ID)),  # null: recorded before there was such a column
    Column("address", String(_ID)),
    Column("previous", String(71), nullable=False),
    Column("digest", String(71), nullable=False),
)
audit_exports = Table(
    "access_audit_exports",
    metadata,
    Column("target", String(63), primary_key=True),
    Column("sequence", Integer, nullable=False),  # the last entry that arrived there
)
TABLES = (
    principals,
    secrets,
    assignments,
    keys,
    sessions,
    revocations,
    key_makers,
    revision,
    audit,
    audit_exports,
)


def read_revision(connection: Connection) -> int:
    """How often principals and roles have changed; 0 before the first change."""
    return connection.execute(select(revision.c.value)).scalar_one_or_none() or 0


def touch(connection: Connection) -> None:
    """Note, in the transaction of a change, that principals or roles have changed."""
    if not connection.execute(update(revision).values(value=revision.c.value + 1)).rowcount:
        connection.execute(insert(revision).values(id=1, value=1))


def all_principals(connection: Connection) -> list[Principal]:
    """Every principal, by id."""
    rows = connection.execute(select(principals).order_by(principals.c.id))
    return [Principal(id=row.id, kind=row.kind, name=row.name) for row in rows]


def one_principal(connection: Connection, principal: str) -> Principal | None:
    """The principal with this id."""
    row = connection.execute(select(principals).where(principals.c.id == principal)).first()
    return Principal(id=row.id, kind=row.kind, name=row.name) if row else None


def hold_principal(connection: Connection, principal: str) -> bool:
    """Keep a principal from being changed by others; returns whether it is there."""
    query = select(principals.c.id).where(principals.c.id == principal).with_for_update()
    return connection.execute(query).first() is not None


def add_principal(connection: Connection, principal: Principal, by: str, at: datetime) -> bool:
    """Insert a principal; returns whether it was new."""
    known = connection.execute(select(principals.c.id).where(principals.c.id == principal.id))
    if known.first():
        return False
    connection.execute(
        insert(principals).values(**principal.model_dump(), created_at=at, created_by=by)
    )
    touch(connection)
    return True


def remove_principal(connection: Connection, principal: str, at: datetime) -> bool:
    """Delete a principal with everything that hangs on it; returns whether it was there."""
    revoke_tokens(connection, principal, at)
    gone = connection.execute(delete(principals).where(principals.c.id == principal)).rowcount
    touch(connection)
    return bool(gone)


def revoke_tokens(connection: Connection, principal: str, at: datetime) -> None:
    """Note that what was issued to a principal until ``at`` holds no more; end its sessions."""
    mine = revocations.c.principal == principal
    if not connection.execute(update(revocations).where(mine).values(at=at)).rowcount:
        connection.execute(insert(revocations).values(principal=principal, at=at))
    connection.execute(delete(sessions).where(sessions.c.principal == principal))
    connection.execute(delete(revocations).where(revocations.c.at < at - _NO_TOKEN_LIVES_LONGER))
    touch(connection)


def tokens_revoked_at(connection: Connection, principal: str) -> datetime | None:
    """Until when everything that was issued to a principal holds no more."""
    query = select(revocations.c.at).where(revocations.c.principal == principal)
    return connection.execute(query).scalar_one_or_none()


def revoked_since(connection: Connection, since: datetime) -> dict[str, datetime]:
    """The revocations of a while, by principal."""
    rows = connection.execute(select(revocations).where(revocations.c.at > since))
    return {row.principal: row.at for row in rows}


def note_key_maker(connection: Connection, principal: str, maker: str) -> None:
    """Remember who made a credential of a principal."""
    if maker not in key_makers_of(connection, principal):
        connection.execute(insert(key_makers).values(principal=principal, maker=maker))


def key_makers_of(connection: Connection, principal: str) -> set[str]:
    """Everybody who ever made a credential of a principal."""
    query = select(key_makers.c.maker).where(key_makers.c.principal == principal)
    return set(connection.execute(query).scalars())


def all_assignments(connection: Connection) -> list[RoleAssignment]:
    """Every role assignment, expired ones too, in the order of their making."""
    rows = connection.execute(select(assignments).order_by(assignments.c.id))
    return [RoleAssignment.model_validate(dict(row._mapping)) for row in rows]


def assignments_of(connection: Connection, principal: str) -> list[RoleAssignment]:
    """One principal's role assignments, expired ones too, in the order of their making."""
    query = select(assignments).where(assignments.c.principal == principal)
    rows = connection.execute(query.order_by(assignments.c.id))
    return [RoleAssignment.model_validate(dict(row._mapping)) for row in rows]


def has_a_lasting_administrator(connection: Connection) -> bool:
    """Whether somebody is an administrator of the platform without an end."""
    query = select(assignments.c.id).where(
        assignments.c.role == "platform-admin",
        assignments.c.scope == "/",
        assignments.c.expires_at.is_(None),
    )
    return connection.execute(query.limit(1)).first() is not None


def add_assignment(connection: Connection, **values: Any) -> RoleAssignment:
    """Insert a role assignment and return it with its id."""
    new_id = connection.execute(
        insert(assignments).values(**values).returning(assignments.c.id)
    ).scalar_one()
    touch(connection)
    return RoleAssignment(id=new_id, **values)


def prolong_assignment(connection: Connection, assignment: int, until: datetime) -> None:
    """Let a role assignment expire at another moment."""
    mine = assignments.c.id == assignment
    connection.execute(update(assignments).where(mine).values(expires_at=until))
    touch(connection)


def remove_assignment(connection: Connection, assignment: int) -> RoleAssignment | None:
    """Delete a role assignment; returns it, if it was there."""
    gone = delete(assignments).where(assignments.c.id == assignment).returning(assignments)
    row = connection.execute(gone).first()
    touch(connection)
    return RoleAssignment.model_validate(dict(row._mapping)) if row else None
