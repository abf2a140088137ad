"""Holding closed windows against their version's reference.

Inputs and predictions are judged when a window closes; the metric is measured whenever labels have
come, and judged once the window is mature: its labels have had the time that the project says they
need. What changes later is judged again, and the findings replaced.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection

from northstar.clock import Clock
from northstar.database import Database
from northstar.monitoring import drift, finding_store, outcome_store, performance, quality, store
from northstar.monitoring.alerting import raise_alerts
from northstar.monitoring.domain import DriftSummary, Finding, FindingRecord, RealisedMetric
from northstar.monitoring.performance import LONGEST_RUN, Expectation
from northstar.monitoring.profile import WHOLE, Profile
from northstar.monitoring.reference import Reference
from northstar.monitoring.store import JUDGED, EndpointRow, WindowPlace
from northstar.monitoring.uncertainty import estimate
from northstar.monitoring.versions import WatchedVersion, WatchedVersions
from northstar.names import EndpointRef

_LEAST_DAYS_FOR_METRIC = 0.5
"""Share of the usual days; a metric minds week days less than a histogram of inputs does."""


@dataclass(frozen=True)
class InputVerdict:
    """What a window's inputs and predictions are found to be.

    ``judged`` is ``store.JUDGED``, or says why drift could not be judged.
    """

    judged: str
    drift: DriftSummary | None = None
    findings: list[Finding] = field(default_factory=list)


def judge_profile(profile: Profile, reference: Reference | None, minimum_rows: int) -> InputVerdict:
    """Hold a closed window's profile against the reference."""
    if reference is None:
        return InputVerdict("the version has no reference")
    if profile.rows < minimum_rows:
        return InputVerdict(f"{profile.rows} rows are fewer than {minimum_rows}")
    wrong = quality.detect(profile, reference, minimum_rows)
    days = len(profile.days)
    if days < WHOLE * reference.usual_days:
        usual = f"{reference.usual_days:g}"
        return InputVerdict(f"events on {days} days, usually {usual}", findings=wrong)
    summary = drift.measure(profile, reference, minimum_rows)
    return InputVerdict(JUDGED, summary, drift.detect(profile, reference, summary) + wrong)


class Judge:
    """Looks at what is due, one window and one transaction at a time."""

    def __init__(self, database: Database, versions: WatchedVersions, clock: Clock) -> None:
        self._database = database
        self._versions = versions
        self._clock = clock

    def judge_inputs(self, ref: EndpointRef) -> int:
        """Judge closed windows whose rows are new; returns how many."""
        with self._database.read() as connection:
            endpoint = store.endpoint_row(connection, ref)
            if endpoint is None or endpoint.closed_until is None:
                return 0
            due = store.inputs_due(connection, endpoint.id, endpoint.closed_until)
        for place, profile in due:
            watched = self._versions.get(ref.project_ref, place.version)
            verdict = judge_profile(profile, watched.reference, watched.config.minimum_rows)
            found = self._records(endpoint, place, verdict.findings, profile)
            with self._database.begin() as connection:
                store.settle_window(
                    connection,
                    endpoint.id,
                    place.version,
                    place.number,
                    inputs_due=False,
                    judged=verdict.judged,
                    drift=verdict.drift.model_dump(mode="json") if verdict.drift else None,
                )
                kinds = {"drift", "quality"}
                self._publish(connection, endpoint, place, kinds, found, watched)
        return len(due)

    def measure_labels(self, ref: EndpointRef) -> int:
        """Compute the metric of windows whose labels have changed; returns how many."""
        with self._database.read() as connection:
            endpoint = store.endpoint_row(connection, ref)
            if endpoint is None:
                return 0
            due = store.labels_due(connection, endpoint.id)
        for place in due:
            watched = self._versions.get(ref.project_ref, place.version)
            with self._database.read() as connection:
                truth, prediction = outcome_store.labelled(
                    connection, endpoint.id, place.version, place.number
                )
                expectation, _ = _history(connection, endpoint, place, watched)
            measured = estimate(watched.metric, truth, prediction) if len(truth) else None
            realised = performance.realise(expectation, measured) if measured else None
            with self._database.begin() as connection:
                store.settle_window(
                    connection,
                    endpoint.id,
                    place.version,
                    place.number,
                    labels=len(truth),
                    labels_due=False,
                    performance=realised.model_dump(mode="json") if realised else None,
                    performance_due=realised is not None,
                    performance_judged=False,
                )
        return len(due)

    def judge_performance(self, ref: EndpointRef) -> int:
        """Judge the metric of mature windows where it is new; returns how many."""
        with self._database.read() as connection:
            endpoint = store.endpoint_row(connection, ref)
            if endpoint is None or endpoint.closed_until is None:
                return 0
            due = store.performance_due(connection, endpoint.id, endpoint.closed_until)
        for place, metric, profile in due:
            watched = self._versions.get(ref.project_ref, place.version)
            usual = watched.reference.usual_days if watched.reference else 0.0
            enough = (
                metric.labels >= watched.config.minimum_labels
                and len(profile.days) >= _LEAST_DAYS_FOR_METRIC * usual
            )
            with self._database.begin() as connection:
                expectation, run = _history(connection, endpoint, place, watched)
                found = performance.detect(expectation, [*run, metric]) if expectation else []
                records = self._records(endpoint, place, found if enough else [], profile)
                store.settle_window(
                    connection,
                    endpoint.id,
                    place.version,
                    place.number,
                    performance_due=False,
                    performance_judged=enough,
                )
                self._publish(connection, endpoint, place, {"performance"}, records, watched)
        return len(due)

    def _records(
        self, endpoint: EndpointRow, place: WindowPlace, found: list[Finding], profile: Profile
    ) -> list[FindingRecord]:
        return [
            FindingRecord(
                **finding.model_dump(exclude={"traces"}),
                traces=profile.traces,
                endpoint=str(endpoint.ref),
                version=place.version,
                window=place.number,
                window_start=place.start,
                window_end=place.end,
                found_at=self._clock.now(),
            )
            for finding in found
        ]

    def _publish(
        self,
        connection: Connection,
        endpoint: EndpointRow,
        place: WindowPlace,
        kinds: set[str],
        found: list[FindingRecord],
        watched: WatchedVersion,
    ) -> None:
        finding_store.replace_findings(
            connection, endpoint.id, place.version, place.number, kinds, found
        )
        raise_alerts(connection, endpoint, found, watched.config, self._clock.now())


def _history(
    connection: Connection, endpoint: EndpointRow, place: WindowPlace, watched: WatchedVersion
) -> tuple[Expectation | None, list[RealisedMetric]]:
    """What to expect of a window's metric, and the metrics of the windows right before it.

    The latter are not part of the record that the expectation rests on: a slow decline must not
    lower what is expected.
    """
    if watched.performance is None:
        return None, []
    earlier = dict(store.earlier_performance(connection, endpoint.id, place.version, place.number))
    worse = finding_store.windows_with_findings(
        connection, endpoint.id, place.version, "performance"
    )
    recent = range(place.number - LONGEST_RUN + 1, place.number)
    record = [m for number, m in earlier.items() if number not in worse and number not in recent]
    run: list[RealisedMetric] = []
    for number in reversed(recent):
        if number not in earlier:
            break
        run.insert(0, earlier[number])
    return performance.expect(watched.performance, record), run
