"""Sends the audit to a place outside, in order and at least once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import func, insert, select, update

from northstar.access import store
from northstar.access.audit.log import AuditLog
from northstar.access.domain import AuditEntry, AuditQuery
from northstar.database import Database

_BATCH = 200


class AuditTarget(Protocol):
    """Somewhere that audit entries are sent to."""

    name: str
    """What the cursor is remembered under; another resource has another name."""

    def send(self, entries: Sequence[AuditEntry]) -> None:
        """Deliver all of the entries; returns when they have arrived.

        Blocks for as long as that takes. Raises an error when any of them may not have arrived:
        all are then sent again later, so the target must bear to get an entry twice. Entries carry
        a number and a digest by which it can tell.
        """
        ...


class AuditExport:
    """Follows the audit with a cursor that is kept in the database, one cursor for each target."""

    def __init__(self, database: Database, audit: AuditLog, target: AuditTarget) -> None:
        self._database = database
        self._audit = audit
        self._target = target

    def step(self) -> int:
        """Send what was recorded since the last step; returns how many entries that were.

        The cursor moves only after a batch has arrived: killed in between, the next step repeats
        that batch. Raises what the target raises.
        """
        sent, cursor = 0, self._cursor()
        while entries := self._audit.entries(AuditQuery(after=cursor, limit=_BATCH)):
            self._target.send(entries)
            cursor = entries[-1].sequence
            self._move(cursor)
            sent += len(entries)
        return sent

    def waiting(self) -> int:
        """How many entries have not arrived."""
        with self._database.read() as connection:
            newest = connection.execute(select(func.max(store.audit.c.sequence))).scalar() or 0
        return newest - self._cursor()

    def _cursor(self) -> int:
        table = store.audit_exports
        query = select(table.c.sequence).where(table.c.target == self._target.name)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none() or 0

    def _move(self, sequence: int) -> None:
        table, name = store.audit_exports, self._target.name
        with self._database.begin() as connection:
            moved = update(table).where(table.c.target == name).values(sequence=sequence)
            if not connection.execute(moved).rowcount:
                connection.execute(insert(table).values(target=name, sequence=sequence))
