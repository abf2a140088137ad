"""The tables of certificates, of trusted issuers, and of assertions that were used."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    false,
    insert,
    select,
    true,
    update,
)

from northstar.access import store as access_store
from northstar.access.credentials.domain import CredentialKind, Trust
from northstar.database import UtcDateTime, metadata

_ID = 255


def _whose() -> Column[str]:
    return Column(
        "principal",
        String(_ID),
        ForeignKey("access_principals.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    )


certificates = Table(
    "access_certificates",
    metadata,
    Column("id", Integer, primary_key=True),
    _whose(),
    Column("thumbprint", String(64), nullable=False),
    Column("public_jwk", Text, nullable=False),
    Column("about", String(_ID), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    UniqueConstraint("principal", "thumbprint"),
    sqlite_autoincrement=True,
)
trusts = Table(
    "access_trusts",
    metadata,
    Column("id", Integer, primary_key=True),
    _whose(),
    Column("issuer", String(_ID), nullable=False),
    Column("audience", String(_ID), nullable=False),
    Column("subject", String(_ID), nullable=False),
    Column("reusable", Boolean, nullable=False, server_default=false()),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("principal", "issuer", "audience", "subject"),
    sqlite_autoincrement=True,
)
used_assertions = Table(
    "access_used_assertions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)
TABLES = (certificates, trusts, used_assertions)
_BY_KIND: dict[CredentialKind, Table] = {
    "secret": access_store.secrets,
    "certificate": certificates,
    "trust": trusts,
}


def rows_of(connection: Connection, kind: CredentialKind, principal: str) -> list[Row[Any]]:
    """A principal's credentials of one kind, in the order of their making."""
    table = _BY_KIND[kind]
    query = select(table).where(table.c.principal == principal).order_by(table.c.id)
    return list(connection.execute(query).all())


def ending(
    connection: Connection, kind: CredentialKind, now: datetime, before: datetime
) -> list[Row[Any]]:
    """The last credential of a kind that each principal has, where it ends before a moment.

    What the platform made for its processes is left out: it makes them others.
    """
    table = _BY_KIND[kind]
    asked_for = table.c.label == "" if kind == "secret" else true()
    of_people = table.c.principal.startswith("user:") | table.c.principal.startswith("service:")
    lasting = select(table.c.principal).where(
        asked_for, table.c.expires_at.is_(None) | (table.c.expires_at >= before)
    )
    query = select(table).where(
        asked_for,
        of_people,
        table.c.expires_at > now,
        table.c.expires_at < before,
        table.c.principal.not_in(lasting),
    )
    rows = connection.execute(query.order_by(table.c.expires_at)).all()
    return list({row.principal: row for row in rows}.values())


def remove(connection: Connection, kind: CredentialKind, principal: str, number: int) -> bool:
    """Delete one credential; returns whether it was there."""
    table = _BY_KIND[kind]
    mine = (table.c.principal == principal) & (table.c.id == number)
    return bool(connection.execute(delete(table).where(mine)).rowcount)


def add_certificate(connection: Connection, **values: Any) -> int:
    """Insert a certificate; returns its number."""
    query = insert(certificates).values(**values).returning(certificates.c.id)
    return int(connection.execute(query).scalar_one())


def add_trust(connection: Connection, principal: str, trust: Trust, at: datetime) -> int:
    """Insert a trust; returns its number."""
    values = {"principal": principal, "created_at": at, **trust.model_dump()}
    return int(
        connection.execute(insert(trusts).values(**values).returning(trusts.c.id)).scalar_one()
    )


def change_trust(connection: Connection, principal: str, number: int, trust: Trust) -> bool:
    """Let a trust say something else; returns whether it was there."""
    mine = (trusts.c.principal == principal) & (trusts.c.id == number)
    changed = update(trusts).where(mine).values(**trust.model_dump())
    return bool(connection.execute(changed).rowcount)


def trusts_in(connection: Connection, principal: str, issuer: str) -> list[Trust]:
    """What a principal trusts of one issuer."""
    query = select(trusts).where(trusts.c.principal == principal, trusts.c.issuer == issuer)
    rows = connection.execute(query.order_by(trusts.c.id))
    return [trust_of(row) for row in rows]


def trust_of(row: Row[Any]) -> Trust:
    """What a row says of whom is trusted."""
    return Trust(**{name: getattr(row, name) for name in Trust.model_fields})


def use_up(connection: Connection, digest: str, expires_at: datetime, now: datetime) -> None:
    """Remember an assertion until it expires; one that was used raises ``IntegrityError``."""
    connection.execute(delete(used_assertions).where(used_assertions.c.expires_at < now))
    connection.execute(insert(used_assertions).values(digest=digest, expires_at=expires_at))
