"""Taking in new segments: predictions into window profiles, labels to their predictions.

A segment and everything that it changes are written in one transaction: killed in between, the
next step finds it new, and one that was taken in is never taken in again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from northstar.clock import Clock
from northstar.database import Database
from northstar.errors import NotFound
from northstar.monitoring import exemplars, finding_store, outcome_store, store
from northstar.monitoring.alerting import raise_alerts
from northstar.monitoring.arrivals import Arrivals, Look
from northstar.monitoring.captures import Captures
from northstar.monitoring.columns import take
from northstar.monitoring.domain import ID_LENGTH, FindingRecord, RawLabel
from northstar.monitoring.outcome_store import Outcome
from northstar.monitoring.profile import Profile, profile_rows
from northstar.monitoring.segments import CorruptSegment, PredictionRows, SegmentKind
from northstar.monitoring.store import EndpointRow, WindowPlace
from northstar.monitoring.versions import WatchedVersion, WatchedVersions
from northstar.names import EndpointRef
from northstar.project.domain import MonitoringConfig

log = logging.getLogger(__name__)

_ROWS_AT_ONCE = 50_000
_CLOCKS_DIFFER = timedelta(days=1)
"""Later event times than this from now are mistakes: they must not close every window."""


@dataclass
class Intake:
    """What one call took in."""

    segments: int = 0
    rows: int = 0
    corrupt: int = 0


@dataclass
class _Batch:
    """Segments that are written together."""

    names: list[tuple[str, int]] = field(default_factory=list)
    profiles: dict[WindowPlace, Profile] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    rows: int = 0


class Ingestion:
    """Takes in what endpoints and label pushes have written since the last time."""

    def __init__(
        self, database: Database, captures: Captures, versions: WatchedVersions, clock: Clock
    ) -> None:
        self._database = database
        self._captures = captures
        self._versions = versions
        self._clock = clock
        self._arrivals = Arrivals(clock, paced=captures.paced)

    def take_predictions(self, ref: EndpointRef) -> Intake:
        """Fold all new segments of predictions into windows and outcomes."""
        intake, batch = Intake(), _Batch()
        look = self._arrivals.due(ref, "predictions")
        if look is None:
            return intake
        for name in self._new(look):
            try:
                rows = self._captures.read_predictions(ref, name)
            except NotFound:
                continue  # renamed or removed since it was listed
            except CorruptSegment as error:
                self._put_aside(ref, name, "predictions", str(error))
                intake.corrupt += 1
                continue
            if rows.times.size:
                self._add(ref, batch, rows)
            batch.names.append((name, rows.times.size))
            if batch.rows >= _ROWS_AT_ONCE:
                self._write(ref, batch, intake)
                batch = _Batch()
        self._write(ref, batch, intake)
        self._arrivals.done(look, found=intake.segments > 0)
        return intake

    def take_labels(self, ref: EndpointRef) -> Intake:
        """Give all new labels to their predictions, or keep them until those arrive."""
        intake = Intake()
        look = self._arrivals.due(ref, "labels")
        if look is None:
            return intake
        for name in self._new(look):
            try:
                labels = self._captures.read_labels(ref, name)
            except NotFound:
                continue  # renamed or removed since it was listed
            except CorruptSegment as error:
                self._put_aside(ref, name, "labels", str(error))
                intake.corrupt += 1
                continue
            with self._database.begin() as connection:
                endpoint = store.ensure_endpoint(connection, ref)
                self._join(connection, endpoint, labels)
                store.add_segment(connection, endpoint.id, name, "labels", len(labels))
            intake.segments += 1
            intake.rows += len(labels)
        self._arrivals.done(look, found=intake.segments > 0)
        return intake

    def _new(self, look: Look) -> list[str]:
        ref, kind = look.endpoint, look.kind
        with self._database.read() as connection:
            endpoint = store.endpoint_row(connection, ref)
            latest = store.latest_day(connection, endpoint.id, kind) if endpoint else ""
        since = look.hours[0] if look.hours else self._arrivals.since(look, latest)
        days = () if look.hours else self._captures.days(ref, kind)
        places = look.hours or [f"{day}/" for day in days if day >= since]
        found = [name for place in places for name in self._captures.segments(ref, kind, place)]
        if endpoint is None or not found:
            return found
        with self._database.read() as connection:
            known = store.known_segments(connection, endpoint.id, kind, since)
        return [name for name in found if name not in known]

    def _add(self, ref: EndpointRef, batch: _Batch, rows: PredictionRows) -> None:
        watched = self._versions.get(ref.project_ref, rows.version)
        origin = self._origin(ref, rows.times)
        length = timedelta(days=watched.config.window_days)
        step = np.timedelta64(length)
        numbers = (rows.times - np.datetime64(origin.replace(tzinfo=None), "us")) // step
        for number in np.unique(numbers).tolist():
            inside = numbers == number
            start = origin + number * length
            place = WindowPlace(
                version=rows.version,
                number=number,
                start=start,
                end=start + length,
                matures_at=start + length + timedelta(days=watched.config.label_delay_days),
            )
            profile = _profile(watched, rows, inside)
            known = batch.profiles.get(place)
            batch.profiles[place] = known.merge(profile) if known else profile
            batch.outcomes += _outcomes(watched, rows, inside, number)
        batch.rows += rows.times.size

    def _origin(self, ref: EndpointRef, times: NDArray[np.datetime64]) -> datetime:
        """Where window 0 starts: midnight (UTC) of the first event of the first segment."""
        with self._database.begin() as connection:
            endpoint = store.ensure_endpoint(connection, ref)
            if endpoint.origin is not None:
                return endpoint.origin
            first: datetime = times.min().astype("datetime64[D]").astype("datetime64[us]").item()
            origin = first.replace(tzinfo=UTC)
            store.set_origin(connection, endpoint.id, origin)
            return origin

    def _write(self, ref: EndpointRef, batch: _Batch, intake: Intake) -> None:
        if not batch.names:
            return
        now = self._clock.now()
        with self._database.begin() as connection:
            endpoint = store.ensure_endpoint(connection, ref)
            for place, profile in batch.profiles.items():
                store.merge_window(connection, endpoint.id, place, profile)
            outcome_store.add_outcomes(connection, endpoint.id, batch.outcomes)
            for name, rows in batch.names:
                store.add_segment(connection, endpoint.id, name, "predictions", rows)
            seen = [p.last for p in batch.profiles.values() if p.last]
            believable = [moment for moment in seen if moment <= now + _CLOCKS_DIFFER]
            store.count_predictions(
                connection,
                endpoint.id,
                now,
                batch.rows,
                max((t for t in (*believable, endpoint.watermark) if t), default=None),
            )
            arrived = outcome_store.take_arrived(connection, endpoint.id)
            self._join(connection, endpoint, arrived)
        intake.segments += len(batch.names)
        intake.rows += batch.rows

    def _join(
        self, connection: Connection, endpoint: EndpointRow, labels: Mapping[str, RawLabel]
    ) -> None:
        places = outcome_store.places_of(connection, endpoint.id, list(labels))
        truths: dict[str, float] = {}
        unusable = 0
        for name, (version, _) in places.items():
            watched = self._versions.get(endpoint.ref.project_ref, version)
            try:
                truths[name] = watched.truth(labels[name])
            except ValueError:  # it was pushed before its prediction was known
                unusable += 1
        if unusable:
            log.warning("%d labels of %s are none of their version's", unusable, endpoint.ref)
        outcome_store.set_labels(connection, endpoint.id, truths)
        for version, number in sorted({places[name] for name in truths}):
            store.settle_window(connection, endpoint.id, version, number, labels_due=True)
        unknown = {name: raw for name, raw in labels.items() if name not in places}
        outcome_store.keep_waiting(connection, endpoint.id, unknown, self._clock.now())

    def _put_aside(self, ref: EndpointRef, name: str, kind: SegmentKind, reason: str) -> None:
        log.error("segment %s of %s is corrupt: %s", name, ref, reason)
        now = self._clock.now()
        finding = FindingRecord(
            endpoint=str(ref),
            kind="quality",
            subject=name,
            message=f"Segment {name} cannot be read and was put aside ({reason}).",
            found_at=now,
        )
        with self._database.begin() as connection:
            endpoint = store.ensure_endpoint(connection, ref)
            store.add_segment(connection, endpoint.id, name, kind, 0, corrupt=True)
            finding_store.add_finding(connection, endpoint.id, finding)
            latest = max(store.last_events(connection, endpoint.id), default=None)
            config = (
                MonitoringConfig()
                if latest is None
                else self._versions.get(ref.project_ref, latest).config
            )
            raise_alerts(connection, endpoint, [finding], config, now)
        self._captures.quarantine(ref, name)


def _profile(watched: WatchedVersion, rows: PredictionRows, inside: NDArray[np.bool_]) -> Profile:
    columns = {name: take(values, inside) for name, values in rows.columns.items()}
    answers = rows.predictions if rows.labels is None else rows.labels
    profile = profile_rows(watched.reference, columns, take(answers, inside), rows.times[inside])
    traces = exemplars.choose(trace for row, trace in rows.traces.items() if inside[row])
    return replace(profile, traces=traces)


def _outcomes(
    watched: WatchedVersion, rows: PredictionRows, inside: NDArray[np.bool_], number: int
) -> Sequence[Outcome]:
    """The rows that a label can come for: those with a usable id and an answer."""
    found = []
    for row in np.flatnonzero(inside & np.isfinite(rows.predictions)).tolist():
        name = rows.ids[row]
        if not name or len(name) > ID_LENGTH or "\0" in name:
            continue
        probabilities = rows.probabilities[row] if rows.probabilities else None
        if watched.task == "multiclass" and not probabilities:
            continue
        prediction = float(rows.predictions[row])
        found.append(Outcome(name, rows.version, number, prediction, probabilities))
    return found
