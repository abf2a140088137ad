"""The audit: an append-only table in which every entry covers the one before it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from typing import Any

from pydantic import JsonValue
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, insert, select, text

from northstar.access import store
from northstar.access.audit.chain import FIRST, Checkpoint, Unreadable, digest_of, verify_chain
from northstar.access.audit.checkpoints import Checkpoints
from northstar.access.domain import AuditEntry, AuditQuery, AuditVerdict, Outcome
from northstar.access.errors import AuditBroken
from northstar.access.origin import current_origin
from northstar.clock import Clock
from northstar.database import Database
from northstar.names import Scope

_LOCK_KEY = 0x6175646974  # "audit": one writer at a time, also on PostgreSQL
_BATCH = 1000
# Built once: every request that changes something waits for these two.
_NEWEST = (
    select(store.audit.c.sequence, store.audit.c.digest)
    .order_by(store.audit.c.sequence.desc())
    .limit(1)
)
_ADD = insert(store.audit)


class Change:
    """A transaction that changes something, and what the audit will say of it.

    Attributes:
        connection: the transaction.
        deeds: what was recorded so far: who, action, scope, detail.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.deeds: list[tuple[str, str, Scope, Mapping[str, JsonValue]]] = []

    def record(self, by: str, action: str, scope: Scope, **detail: JsonValue) -> None:
        """Have the audit say that ``by`` did this."""
        self.deeds.append((by, action, scope, detail))


_LATEST = AuditQuery()
_CONDITIONS: Mapping[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "principal": lambda row, wanted: row.principal == wanted,
    "action": lambda row, wanted: row.action == wanted,
    "without": lambda row, wanted: row.action != wanted,
    "outcome": lambda row, wanted: row.outcome == wanted,
    "since": lambda row, wanted: row.at >= wanted,
    "until": lambda row, wanted: row.at < wanted,
    "before": lambda row, wanted: row.sequence < wanted,
    "after": lambda row, wanted: row.sequence > wanted,
}


class AuditLog:
    """Records decisions and deeds, reads them back, and proves that nothing was changed.

    Args:
        checkpoints: where heads of the chain are kept, so that an end that was cut off or written
            anew is noticed too; without it only who kept a head notices that.
    """

    def __init__(
        self, database: Database, clock: Clock, checkpoints: Checkpoints | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._checkpoints = checkpoints

    def record(
        self,
        principal_id: str,
        action: str,
        scope: Scope,
        outcome: Outcome,
        detail: Mapping[str, JsonValue] | None = None,
    ) -> AuditEntry:
        """Append one entry; it is durable when this returns.

        From where and through which credential the request came that is being answered is noted
        too. Never call it inside a transaction of your own: on SQLite it would wait for itself.
        """
        with self._database.begin() as connection:
            return self._append(connection, principal_id, action, scope, outcome, detail)

    @contextmanager
    def change(self) -> Iterator[Change]:
        """A transaction for a change and its record: both hold when the block ends, or neither.

        What records nothing changes nothing: it is rolled back. The record is written last, for
        writers wait for each other there, and must not hold what others of them wait for.
        """
        with self._database.begin() as connection:
            change = Change(connection)
            yield change
            for by, action, scope, detail in change.deeds:
                self._append(connection, by, action, scope, "done", detail)
            if not change.deeds and (transaction := connection.get_transaction()):
                transaction.rollback()

    def entries(self, query: AuditQuery = _LATEST) -> list[AuditEntry]:
        """The entries that are asked for."""
        table, wanted = store.audit, query.model_dump(exclude_none=True)
        order = table.c.sequence if query.after is not None else table.c.sequence.desc()
        found = _inside(select(table).order_by(order).limit(query.limit), Scope.parse(query.scope))
        for name, value in wanted.items():
            if condition := _CONDITIONS.get(name):
                found = found.where(condition(table.c, value))
        with self._database.read() as connection:
            return [_entry(row) for row in connection.execute(found).mappings()]

    def verify(self) -> AuditVerdict:
        """Recompute the whole chain and name the first entry at which it does not hold."""
        checkpoints = self._checkpoints.all() if self._checkpoints else []
        with self._database.read() as connection:
            return verify_chain(_all(connection), checkpoints)

    def watch(self) -> None:
        """One step in the background: hold the newest checkpoint against the table, add another.

        Raises ``AuditBroken`` when the entry of the checkpoint is gone or another one.
        """
        if self._checkpoints is None:
            return
        known = self._checkpoints.all()
        with self._database.read() as connection:
            if known and _digest_at(connection, known[-1].sequence) != known[-1].digest:
                raise AuditBroken(
                    f"Entry {known[-1].sequence} of the audit is not the one that stood there at "
                    f"{known[-1].at:%F %T} UTC.",
                    hint="`northstar audit verify` names the first entry that is wrong.",
                )
            sequence, digest = _head(connection)
        if sequence > (known[-1].sequence if known else 0):
            self._checkpoints.add(Checkpoint(sequence, digest, self._clock.now()))

    def _append(
        self,
        connection: Connection,
        principal_id: str,
        action: str,
        scope: Scope,
        outcome: Outcome,
        detail: Mapping[str, JsonValue] | None,
    ) -> AuditEntry:
        origin = current_origin()
        sequence, previous = _last(connection)
        body: dict[str, Any] = {
            "sequence": sequence + 1,
            "at": self._clock.now().astimezone(UTC),
            "principal": principal_id,
            "action": action,
            "scope": str(scope),
            "outcome": outcome,
            "detail": dict(detail or {}),
            "credential": origin.credential,
            "address": origin.address,
            "previous": previous,
        }
        entry = AuditEntry(**body, digest=digest_of(body))
        detail_text = json.dumps(entry.detail, sort_keys=True)
        connection.execute(_ADD, {**body, "detail": detail_text, "digest": entry.digest})
        return entry


def _last(connection: Connection) -> tuple[int, str]:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    return _head(connection)


def _head(connection: Connection) -> tuple[int, str]:
    row = connection.execute(_NEWEST).first()
    return (row.sequence, row.digest) if row else (0, FIRST)


def _digest_at(connection: Connection, sequence: int) -> str | None:
    query = select(store.audit.c.digest).where(store.audit.c.sequence == sequence)
    return connection.execute(query).scalar_one_or_none()


def _inside(query: Select[Any], within: Scope) -> Select[Any]:
    if within == Scope():
        return query
    scope = store.audit.c.scope
    return query.where((scope == str(within)) | scope.startswith(f"{within}/"))


def _all(connection: Connection) -> Iterator[AuditEntry | Unreadable]:
    """Every row by its number, a batch at a time; one by one where a batch can't be read."""
    after, size = -1, _BATCH
    number = store.audit.c.sequence
    while True:
        query = select(store.audit).where(number > after).order_by(number).limit(size)
        try:
            found = [_entry(row) for row in connection.execute(query).mappings()]
        except (ValueError, TypeError):
            if size == 1:
                numbers = select(number).where(number > after).order_by(number).limit(1)
                yield Unreadable(connection.execute(numbers).scalar_one())
                return
            size = 1
            continue
        if not found:
            return
        yield from found
        after = found[-1].sequence


def _entry(row: RowMapping) -> AuditEntry:
    return AuditEntry.model_validate({**row, "detail": json.loads(row["detail"])})
