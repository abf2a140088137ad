"""The tables that join predictions with what really happened.

One narrow row per prediction, for as long as labels may come; and the labels that came for
predictions which have not arrived. All functions work in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from northstar.database import UtcDateTime, metadata
from northstar.metrics import Floats
from northstar.monitoring.domain import RawLabel

_IDS_AT_ONCE = 5_000

outcomes = Table(
    "outcomes",
    metadata,
    Column("endpoint_id", ForeignKey("monitored_endpoints.id"), primary_key=True),
    Column("prediction_id", String(256), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("prediction", Float, nullable=False),
    Column("probabilities", JSON(none_as_null=True)),
    Column("label", Float),
    Index("ix_outcomes_window", "endpoint_id", "version", "number"),
    sqlite_with_rowid=False,
)

waiting_labels = Table(
    "waiting_labels",
    metadata,
    Column("endpoint_id", ForeignKey("monitored_endpoints.id"), primary_key=True),
    Column("prediction_id", String(256), primary_key=True),
    Column("label", JSON, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
)


@dataclass(frozen=True)
class Outcome:
    """One prediction, its version and window; multiclass ones with all probabilities."""

    prediction_id: str
    version: int
    number: int
    prediction: float
    probabilities: list[float] | None = None


def add_outcomes(connection: Connection, endpoint_id: int, rows: Iterable[Outcome]) -> None:
    """Add predictions; of several with one id, the first stays."""
    values = [
        {
            "endpoint_id": endpoint_id,
            "prediction_id": row.prediction_id,
            "version": row.version,
            "number": row.number,
            "prediction": row.prediction,
            "probabilities": row.probabilities,
        }
        for row in rows
    ]
    if values:
        connection.execute(_insert(connection, outcomes).on_conflict_do_nothing(), values)


def places_of(
    connection: Connection, endpoint_id: int, ids: Sequence[str]
) -> dict[str, tuple[int, int]]:
    """Version and window number of those of the ids that are known predictions."""
    found: dict[str, tuple[int, int]] = {}
    for some in _batches(ids):
        rows = connection.execute(
            select(outcomes.c.prediction_id, outcomes.c.version, outcomes.c.number).where(
                outcomes.c.endpoint_id == endpoint_id, outcomes.c.prediction_id.in_(some)
            )
        )
        found.update({row[0]: (row[1], row[2]) for row in rows})
    return found


def set_labels(connection: Connection, endpoint_id: int, labels: dict[str, float]) -> None:
    """Write the labels of known predictions; a later one replaces an earlier one."""
    if not labels:
        return
    statement = (
        update(outcomes)
        .where(
            outcomes.c.endpoint_id == endpoint_id, outcomes.c.prediction_id == bindparam("its_id")
        )
        .values(label=bindparam("its_label"))
    )
    connection.execute(
        statement, [{"its_id": name, "its_label": value} for name, value in labels.items()]
    )


def keep_waiting(
    connection: Connection, endpoint_id: int, labels: Mapping[str, RawLabel], now: datetime
) -> None:
    """Keep labels of predictions that have not arrived; a later one replaces an earlier one."""
    if not labels:
        return
    statement = _insert(connection, waiting_labels)
    statement = statement.on_conflict_do_update(
        index_elements=["endpoint_id", "prediction_id"],
        set_={"label": statement.excluded.label, "received_at": statement.excluded.received_at},
    )
    values = [
        {"endpoint_id": endpoint_id, "prediction_id": name, "label": label, "received_at": now}
        for name, label in labels.items()
    ]
    connection.execute(statement, values)


def take_arrived(connection: Connection, endpoint_id: int) -> dict[str, RawLabel]:
    """The waiting labels whose predictions have arrived meanwhile; they wait no longer."""
    rows = connection.execute(
        select(waiting_labels.c.prediction_id, waiting_labels.c.label)
        .join(
            outcomes,
            (outcomes.c.endpoint_id == waiting_labels.c.endpoint_id)
            & (outcomes.c.prediction_id == waiting_labels.c.prediction_id),
        )
        .where(waiting_labels.c.endpoint_id == endpoint_id)
    )
    arrived = {row.prediction_id: row.label for row in rows}
    for some in _batches(list(arrived)):
        connection.execute(
            delete(waiting_labels).where(
                waiting_labels.c.endpoint_id == endpoint_id,
                waiting_labels.c.prediction_id.in_(some),
            )
        )
    return arrived


def waiting_count(connection: Connection, endpoint_id: int) -> int:
    """How many labels wait for their predictions."""
    return connection.execute(
        select(func.count())
        .select_from(waiting_labels)
        .where(waiting_labels.c.endpoint_id == endpoint_id)
    ).scalar_one()


def labelled(
    connection: Connection, endpoint_id: int, version: int, number: int
) -> tuple[Floats, Floats]:
    """Truth and prediction of a window's labelled rows, as ``northstar.metrics`` takes them."""
    rows = connection.execute(
        select(outcomes.c.label, outcomes.c.prediction, outcomes.c.probabilities).where(
            outcomes.c.endpoint_id == endpoint_id,
            outcomes.c.version == version,
            outcomes.c.number == number,
            outcomes.c.label.is_not(None),
        )
    ).all()
    truth = np.array([row[0] for row in rows], dtype=np.float64)
    if rows and rows[0][2] is not None:
        return truth, np.array([row[2] for row in rows], dtype=np.float64)
    return truth, np.array([row[1] for row in rows], dtype=np.float64)


def forget(connection: Connection, endpoint_id: int, version: int, number: int) -> None:
    """Remove a window's rows; labels that come for them later are unknown."""
    connection.execute(
        delete(outcomes).where(
            outcomes.c.endpoint_id == endpoint_id,
            outcomes.c.version == version,
            outcomes.c.number == number,
        )
    )


def forget_waiting(connection: Connection, endpoint_id: int, before: datetime) -> None:
    """Remove labels that have waited since before a moment."""
    connection.execute(
        delete(waiting_labels).where(
            waiting_labels.c.endpoint_id == endpoint_id, waiting_labels.c.received_at < before
        )
    )


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _IDS_AT_ONCE):
        yield ids[start : start + _IDS_AT_ONCE]


def _insert(connection: Connection, table: Table) -> Any:
    """``INSERT`` in the dialect's own form: only these know what to do on a conflict."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
