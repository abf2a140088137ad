"""The audit: an append-only table in which every entry covers the one before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue
from sqlalchemy import Connection, RowMapping, insert, select, text

from northstar.access import store
from northstar.access.domain import AuditEntry, AuditVerdict, Outcome
from northstar.access.origin import current_origin
from northstar.clock import Clock
from northstar.database import Database
from northstar.names import Scope

FIRST = "sha256:" + "0" * 64
_LOCK_KEY = 0x6175646974  # "audit": one writer at a time, also on PostgreSQL
_BATCH = 1000


class AuditLog:
    """Records decisions and deeds, reads them back, and proves that nothing was changed.

    An entry that was altered, removed or put in between breaks the chain from there on. Entries
    cut off at the end are noticed only by who kept the head digest of an earlier ``verify``.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

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
        origin = current_origin()
        with self._database.begin() as connection:
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
            entry = AuditEntry(**body, digest=_digest(body))
            row = {**entry.model_dump(), "detail": json.dumps(entry.detail, sort_keys=True)}
            connection.execute(insert(store.audit).values(row))
        return entry

    def entries(
        self,
        *,
        within: Scope | None = None,
        principal: str | None = None,
        action: str | None = None,
        outcome: Outcome | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[AuditEntry]:
        """The newest entries first.

        Args:
            within: only entries whose scope is this one or lies below it.
            before: only entries with a smaller sequence number, to read on from the last page.
        """
        table = store.audit
        query = select(table).order_by(table.c.sequence.desc()).limit(limit)
        if within is not None and within != Scope():
            below = str(within) + "/"
            query = query.where((table.c.scope == str(within)) | table.c.scope.startswith(below))
        for column, wanted in (("principal", principal), ("action", action), ("outcome", outcome)):
            if wanted is not None:
                query = query.where(table.c[column] == wanted)
        if before is not None:
            query = query.where(table.c.sequence < before)
        with self._database.read() as connection:
            return [_entry(row) for row in connection.execute(query).mappings()]

    def verify(self) -> AuditVerdict:
        """Recompute the whole chain and say where it first does not hold."""
        count, head = 0, FIRST
        with self._database.read() as connection, closing(_all(connection)) as entries:
            for entry in entries:
                body = entry.model_dump(exclude={"digest"})
                reason = ""
                if entry.sequence != count + 1:
                    reason = f"entry {count + 1} is missing"
                elif entry.previous != head:
                    reason = "it does not follow from the entry before it"
                elif entry.digest != _digest(body):
                    reason = "its content is not what was recorded"
                if reason:
                    return AuditVerdict(
                        intact=False,
                        entries=count,
                        head=head,
                        broken_at=entry.sequence,
                        reason=reason,
                    )
                count, head = entry.sequence, entry.digest
        return AuditVerdict(intact=True, entries=count, head=head)


def _last(connection: Connection) -> tuple[int, str]:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    table = store.audit
    row = connection.execute(
        select(table.c.sequence, table.c.digest).order_by(table.c.sequence.desc()).limit(1)
    ).first()
    return (row.sequence, row.digest) if row else (0, FIRST)


def _all(connection: Connection) -> Generator[AuditEntry]:
    query = select(store.audit).order_by(store.audit.c.sequence)
    with connection.execution_options(yield_per=_BATCH).execute(query) as result:
        for row in result.mappings():
            yield _entry(row)


def _entry(row: RowMapping) -> AuditEntry:
    return AuditEntry.model_validate({**row, "detail": json.loads(row["detail"])})


def _digest(body: Mapping[str, Any]) -> str:
    at: datetime = body["at"]
    # What is null was not there when the entry was made, and is not covered by its digest.
    plain = {name: value for name, value in body.items() if value is not None}
    plain["at"] = at.astimezone(UTC).isoformat()
    text_form = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"sha256:{hashlib.sha256(text_form.encode()).hexdigest()}"
