"""The table of organisations' accounts, and whose they are."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    String,
    Table,
    insert,
    select,
    update,
)

from northstar.access.sign_in.domain import Person
from northstar.database import UtcDateTime, metadata

_ID = 255

accounts = Table(
    "access_accounts",
    metadata,
    Column("issuer", String(_ID), primary_key=True),
    Column("subject", String(_ID), primary_key=True),
    Column(
        "principal",
        String(_ID),
        ForeignKey("access_principals.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("display", String(_ID), nullable=False),  # as of the last sign-in
    Column("created_at", UtcDateTime, nullable=False),
)


def principal_of(connection: Connection, person: Person) -> str | None:
    """Whose account this is, if it is known; what people call them is brought up to date."""
    mine = (accounts.c.issuer == person.issuer) & (accounts.c.subject == person.subject)
    found = connection.execute(select(accounts.c.principal).where(mine)).scalar_one_or_none()
    if found:
        connection.execute(update(accounts).where(mine).values(display=person.display))
    return found


def add(connection: Connection, person: Person, principal: str, at: datetime) -> None:
    """Note whose account this is."""
    connection.execute(
        insert(accounts).values(
            issuer=person.issuer,
            subject=person.subject,
            principal=principal,
            display=person.display,
            created_at=at,
        )
    )
