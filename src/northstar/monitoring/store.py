"""The monitor's tables of endpoints, segments and windows.

All functions work in the caller's transaction. Nothing here grows with the number of rows that an
endpoint answers; what does is in ``outcome_store``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Select,
    String,
    Table,
    func,
    insert,
    select,
    update,
)

from northstar.database import UtcDateTime, metadata
from northstar.monitoring.domain import (
    DriftSummary,
    EndpointMonitoring,
    Finding,
    RealisedMetric,
    Window,
)
from northstar.monitoring.finding_store import list_findings
from northstar.monitoring.profile import Profile
from northstar.monitoring.segments import SegmentKind
from northstar.names import EndpointRef

JUDGED = "judged"
"""What ``windows.judged`` says where a window's inputs were held against the reference."""

endpoints = Table(
    "monitored_endpoints",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("endpoint", String(200), nullable=False, unique=True),
    Column("origin", UtcDateTime),
    Column("watermark", UtcDateTime),
    Column("advanced_until", UtcDateTime),
    Column("predictions", Integer, nullable=False, default=0),
    Column("ingested_at", UtcDateTime),
)

segments = Table(
    "monitored_segments",
    metadata,
    Column("endpoint_id", ForeignKey("monitored_endpoints.id"), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("corrupt", Boolean, nullable=False),
)

windows = Table(
    "monitored_windows",
    metadata,
    Column("endpoint_id", ForeignKey("monitored_endpoints.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("last_event", UtcDateTime, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("profile", JSON, nullable=False),
    # What is left to do: rows, labels or a metric have come since the window was last looked at.
    Column("inputs_due", Boolean, nullable=False, default=True),
    Column("labels_due", Boolean, nullable=False, default=False),
    Column("performance_due", Boolean, nullable=False, default=False),
    Column("matures_at", UtcDateTime, nullable=False),
    Column("judged", String(200), nullable=False, default=""),
    Column("performance_judged", Boolean, nullable=False, default=False),
    Column("labels", Integer, nullable=False, default=0),
    Column("drift", JSON),
    Column("performance", JSON),
    Column("outcomes_kept", Boolean, nullable=False, default=True),
    Index("ix_monitored_windows_ends", "endpoint_id", "ends_at"),
)


@dataclass(frozen=True)
class EndpointRow:
    """An endpoint as the monitor knows it; ``origin`` is where its window 0 starts."""

    id: int
    ref: EndpointRef
    origin: datetime | None
    watermark: datetime | None
    advanced_until: datetime | None

    @property
    def closed_until(self) -> datetime | None:
        """Windows that end at or before this moment are closed."""
        return max((t for t in (self.watermark, self.advanced_until) if t), default=None)


@dataclass(frozen=True)
class WindowPlace:
    """A version's window: which one, its event time, and when its labels should have come."""

    version: int
    number: int
    start: datetime
    end: datetime
    matures_at: datetime


def endpoint_row(connection: Connection, ref: EndpointRef) -> EndpointRow | None:
    """An endpoint, if anything was ever ingested of it."""
    row = connection.execute(select(endpoints).where(endpoints.c.endpoint == str(ref))).first()
    if row is None:
        return None
    return EndpointRow(row.id, ref, row.origin, row.watermark, row.advanced_until)


def ensure_endpoint(connection: Connection, ref: EndpointRef) -> EndpointRow:
    """An endpoint, known from now on."""
    known = endpoint_row(connection, ref)
    if known is None:
        connection.execute(insert(endpoints).values(endpoint=str(ref)))
        known = endpoint_row(connection, ref)
        assert known is not None  # noqa: S101 - inserted in this transaction
    return known


def set_origin(connection: Connection, endpoint_id: int, origin: datetime) -> None:
    """Say where the endpoint's window 0 starts; done once."""
    connection.execute(update(endpoints).where(endpoints.c.id == endpoint_id).values(origin=origin))


def count_predictions(
    connection: Connection,
    endpoint_id: int,
    now: datetime,
    predictions: int,
    watermark: datetime | None,
) -> None:
    """Add to the endpoint's number of predictions and set its watermark."""
    connection.execute(
        update(endpoints)
        .where(endpoints.c.id == endpoint_id)
        .values(
            predictions=endpoints.c.predictions + predictions,
            watermark=watermark,
            ingested_at=now,
        )
    )


def advance_until(connection: Connection, endpoint_id: int, until: datetime) -> None:
    """Close windows up to ``until``, whatever the watermark."""
    connection.execute(
        update(endpoints).where(endpoints.c.id == endpoint_id).values(advanced_until=until)
    )


def known_segments(
    connection: Connection, endpoint_id: int, kind: SegmentKind, since: str
) -> set[str]:
    """Names of the segments of days from ``since`` on that were ingested or put aside."""
    rows = connection.execute(
        select(segments.c.name)
        .where(segments.c.endpoint_id == endpoint_id, segments.c.kind == kind)
        .where(segments.c.name >= f"{kind}/{since}")
    )
    return {name for (name,) in rows}


def latest_day(connection: Connection, endpoint_id: int, kind: SegmentKind) -> str:
    """The latest day (``YYYY-MM-DD``) with a known segment; empty if there is none."""
    latest = connection.execute(
        select(func.max(segments.c.name)).where(
            segments.c.endpoint_id == endpoint_id, segments.c.kind == kind
        )
    ).scalar()
    return str(latest).split("/")[1] if latest else ""


def add_segment(
    connection: Connection,
    endpoint_id: int,
    name: str,
    kind: SegmentKind,
    rows: int,
    *,
    corrupt: bool = False,
) -> None:
    """Remember that a segment was dealt with."""
    connection.execute(
        insert(segments).values(
            endpoint_id=endpoint_id, name=name, kind=kind, rows=rows, corrupt=corrupt
        )
    )


def merge_window(
    connection: Connection, endpoint_id: int, place: WindowPlace, profile: Profile
) -> None:
    """Fold a profile into a version's window, which is made if missing."""
    here = _at(endpoint_id, place.version, place.number)
    stored = connection.execute(select(windows.c.profile).where(*here)).scalar()
    whole = Profile.from_json(stored).merge(profile) if stored else profile
    values = {
        "rows": whole.rows,
        "last_event": whole.last,
        "profile": whole.to_json(),
        "inputs_due": True,
    }
    if stored:
        connection.execute(update(windows).where(*here).values(**values))
        return
    connection.execute(
        insert(windows).values(
            endpoint_id=endpoint_id,
            version=place.version,
            number=place.number,
            starts_at=place.start,
            ends_at=place.end,
            matures_at=place.matures_at,
            **values,
        )
    )


def settle_window(
    connection: Connection, endpoint_id: int, version: int, number: int, **values: Any
) -> None:
    """Write what looking at a window gave, or that it must be looked at."""
    connection.execute(update(windows).where(*_at(endpoint_id, version, number)).values(**values))


def inputs_due(
    connection: Connection, endpoint_id: int, closed_until: datetime
) -> list[tuple[WindowPlace, Profile]]:
    """Closed windows whose rows have not been judged as they are now, oldest first."""
    wanted = _due(endpoint_id, windows.c.inputs_due, windows.c.ends_at <= closed_until)
    return [
        (_window_place(row), Profile.from_json(row.profile)) for row in connection.execute(wanted)
    ]


def labels_due(connection: Connection, endpoint_id: int) -> list[WindowPlace]:
    """Windows whose labels have changed since their metric was measured, oldest first."""
    rows = connection.execute(_due(endpoint_id, windows.c.labels_due))
    return [_window_place(row) for row in rows]


def performance_due(
    connection: Connection, endpoint_id: int, closed_until: datetime
) -> list[tuple[WindowPlace, RealisedMetric, Profile]]:
    """Mature windows with a metric that was not judged, and the profiles of their rows."""
    mature = windows.c.matures_at <= closed_until
    wanted = _due(endpoint_id, windows.c.performance_due, mature)
    return [
        (
            _window_place(row),
            RealisedMetric.model_validate(row.performance),
            Profile.from_json(row.profile),
        )
        for row in connection.execute(wanted)
    ]


def earlier_performance(
    connection: Connection, endpoint_id: int, version: int, number: int
) -> list[tuple[int, RealisedMetric]]:
    """The judged metrics of a version's windows before ``number``, oldest first, with numbers."""
    rows = connection.execute(
        select(windows.c.number, windows.c.performance)
        .where(windows.c.endpoint_id == endpoint_id, windows.c.version == version)
        .where(windows.c.number < number, windows.c.performance_judged)
        .order_by(windows.c.number)
    )
    return [(row.number, RealisedMetric.model_validate(row.performance)) for row in rows]


def latest_judged(
    connection: Connection, endpoint_id: int, version: int, kind: str, count: int
) -> list[tuple[int, datetime]]:
    """A version's latest windows that were judged for a kind: number and end, newest first."""
    judged = windows.c.performance_judged if kind == "performance" else windows.c.judged == JUDGED
    rows = connection.execute(
        select(windows.c.number, windows.c.ends_at)
        .where(windows.c.endpoint_id == endpoint_id, windows.c.version == version, judged)
        .order_by(windows.c.number.desc())
        .limit(count)
    )
    return [(row.number, row.ends_at) for row in rows]


def last_events(connection: Connection, endpoint_id: int) -> dict[int, datetime]:
    """The latest event time of each version."""
    rows = connection.execute(
        select(windows.c.version, func.max(windows.c.last_event))
        .where(windows.c.endpoint_id == endpoint_id)
        .group_by(windows.c.version)
    )
    return {row[0]: row[1] for row in rows}


def expired_windows(
    connection: Connection, endpoint_id: int, before: datetime
) -> list[tuple[int, int]]:
    """(version, number) of windows that ended before a moment and still have outcomes."""
    rows = connection.execute(
        select(windows.c.version, windows.c.number)
        .where(windows.c.endpoint_id == endpoint_id, windows.c.ends_at < before)
        .where(windows.c.outcomes_kept)
    )
    return [(row.version, row.number) for row in rows]


def list_windows(connection: Connection, endpoint: EndpointRow) -> list[Window]:
    """All windows of an endpoint by time, with their findings."""
    found: dict[tuple[int, int], list[Finding]] = {}
    for finding in list_findings(connection, endpoint.id, endpoint.ref):
        if finding.version is not None and finding.window is not None:
            plain = Finding.model_validate(finding.model_dump(include=set(Finding.model_fields)))
            found.setdefault((finding.version, finding.window), []).append(plain)
    rows = connection.execute(
        select(*(c for c in windows.c if c.name != "profile"))
        .where(windows.c.endpoint_id == endpoint.id)
        .order_by(windows.c.starts_at, windows.c.version)
    )
    until = endpoint.closed_until
    return [
        Window(
            version=row.version,
            number=row.number,
            start=row.starts_at,
            end=row.ends_at,
            rows=row.rows,
            closed=until is not None and row.ends_at <= until,
            judged=row.judged,
            labels=row.labels,
            coverage=row.labels / row.rows,
            drift=DriftSummary.model_validate(row.drift) if row.drift else None,
            performance=RealisedMetric.model_validate(row.performance) if row.performance else None,
            findings=found.get((row.version, row.number), []),
        )
        for row in rows
    ]


def overview(connection: Connection, endpoint: EndpointRow) -> EndpointMonitoring:
    """The endpoint's counts, but for those of labels that wait and of alerts."""
    row = connection.execute(select(endpoints).where(endpoints.c.id == endpoint.id)).one()
    states = connection.execute(
        select(segments.c.corrupt, func.count())
        .where(segments.c.endpoint_id == endpoint.id)
        .group_by(segments.c.corrupt)
    )
    by_state = {bool(row[0]): int(row[1]) for row in states}
    of_windows = connection.execute(
        select(func.count(), func.sum(windows.c.labels)).where(windows.c.endpoint_id == endpoint.id)
    ).one()
    return EndpointMonitoring(
        endpoint=str(endpoint.ref),
        watermark=row.watermark,
        predictions=row.predictions,
        labels=int(of_windows[1] or 0),
        segments=by_state.get(False, 0),
        corrupt_segments=by_state.get(True, 0),
        windows=int(of_windows[0]),
        versions=sorted(last_events(connection, endpoint.id)),
        ingested_at=row.ingested_at,
    )


def _at(endpoint_id: int, version: int, number: int) -> tuple[ColumnElement[bool], ...]:
    return (
        windows.c.endpoint_id == endpoint_id,
        windows.c.version == version,
        windows.c.number == number,
    )


def _due(endpoint_id: int, *conditions: ColumnElement[bool]) -> Select[Any]:
    return (
        select(windows)
        .where(windows.c.endpoint_id == endpoint_id, *conditions)
        .order_by(windows.c.ends_at, windows.c.version)
    )


def _window_place(row: Any) -> WindowPlace:
    return WindowPlace(row.version, row.number, row.starts_at, row.ends_at, row.matures_at)
