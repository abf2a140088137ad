"""What the monitor says and keeps: findings, windows, labels, and alerts with their states.

An alert is *open*, then *acknowledged* when a person has taken it on, then *resolved*. While it is
not resolved, further findings of its kind on its endpoint join it instead of raising another. An
alert is about an endpoint, or about the infrastructure of an environment: one life for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat, JsonValue

from northstar.monitoring.errors import AlertSettled
from northstar.names import EndpointRef, EnvironmentName, Scope, check_environment

FindingKind = Literal["drift", "quality", "performance"]
AlertKind = Literal["drift", "quality", "performance", "infrastructure"]
AlertState = Literal["open", "acknowledged", "resolved"]
ActionKind = Literal["notify", "retrain", "rollback"]
ActionState = Literal["pending", "done", "failed"]

LABELS_AT_ONCE = 50_000
ID_LENGTH = 256
_MOST_TRACES = 8
Subject = EndpointRef | EnvironmentName
"""What an alert is about: an endpoint, or the infrastructure of an environment."""

RawLabel = bool | int | float | str
"""A label as it was pushed; what it means, its prediction's version knows."""

MONITOR = "platform:monitor"
"""Who the monitor is in records of what it did by itself."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Finding(_Value):
    """What a detector says of one subject of a window: a column, the prediction, or the metric.

    ``value`` was found where ``limit`` is the most (or, for a metric that is better high, the
    least) that passes. ``traces`` are a few of the window's predictions that were traced, each as
    the ``traceparent`` of the endpoint's span.
    """

    kind: FindingKind
    subject: str
    message: str
    value: FiniteFloat | None = None
    limit: FiniteFloat | None = None
    traces: tuple[str, ...] = ()


class FindingRecord(Finding):
    """A finding with the window and version that it is about; a segment's have neither."""

    endpoint: str
    version: int | None = None
    window: int | None = None
    window_start: datetime | None = None
    window_end: datetime | None = None
    found_at: datetime

    @property
    def key(self) -> str:
        """What makes it the same finding when it is found again."""
        place = f"v{self.version}/w{self.window}" if self.version is not None else "segment"
        return f"{place}/{self.kind}/{self.subject}"


class ColumnDrift(_Value):
    """How far a column is from its reference; ``score`` is in units of its alarm line."""

    column: str
    distance: FiniteFloat
    limit: FiniteFloat
    score: FiniteFloat


class DriftSummary(_Value):
    """A window's drift: 1 is the alarm line of the column that is nearest to or beyond its own."""

    score: FiniteFloat
    prediction: ColumnDrift | None = None
    columns: list[ColumnDrift] = Field(default_factory=list)


class RealisedMetric(_Value):
    """The primary metric of a window's labelled predictions, with its 95 % interval.

    ``drop`` is how much worse than ``expected`` it is (negative: better), ``z`` the same in units
    of its uncertainty, weeks' natural variation included; ``None`` without a reference metric.
    """

    metric: str
    value: FiniteFloat
    low: FiniteFloat
    high: FiniteFloat
    standard_error: FiniteFloat
    labels: int
    expected: FiniteFloat | None = None
    drop: FiniteFloat | None = None
    z: FiniteFloat | None = None


class Window(_Value):
    """What is known of one version in one window of event time.

    ``judged`` says why a closed window was or was not held against the reference.
    """

    version: int
    number: int
    start: datetime
    end: datetime
    rows: int
    closed: bool
    judged: str = ""
    labels: int = 0
    coverage: FiniteFloat = 0.0
    drift: DriftSummary | None = None
    performance: RealisedMetric | None = None
    findings: list[Finding] = Field(default_factory=list)


class EndpointMonitoring(_Value):
    """How far the monitor has come with one endpoint.

    ``watermark`` is the latest event time seen; windows that end at or before it are closed.
    """

    endpoint: str
    watermark: datetime | None = None
    predictions: int = 0
    labels: int = 0
    waiting_labels: int = 0
    segments: int = 0
    corrupt_segments: int = 0
    windows: int = 0
    open_alerts: int = 0
    versions: list[int] = Field(default_factory=list)
    ingested_at: datetime | None = None


class Label(_Value):
    """What really happened to one prediction: a value, or the class."""

    prediction_id: Annotated[str, Field(min_length=1, max_length=ID_LENGTH)]
    label: bool | FiniteFloat | int | Annotated[str, Field(max_length=256)]
    event_time: AwareDatetime | None = None


class InvalidLabel(_Value):
    """A label that was not kept, and why."""

    prediction_id: str
    reason: str


class LabelReceipt(_Value):
    """What became of pushed labels.

    ``unknown`` are ids (the first 100) that no captured prediction has so far: their labels are
    kept, in case the predictions are still on their way.
    """

    received: int
    matched: int
    unknown_count: int
    unknown: list[str]
    invalid_count: int
    invalid: list[InvalidLabel]


class AlertEvent(_Value):
    """One thing that happened to an alert."""

    at: datetime
    what: str
    by: str
    note: str = ""


class Alert(_Value):
    """Findings of one kind on one endpoint, from the first to their resolution; or what differs
    between an environment's infrastructure and its code.

    Attributes:
        endpoint: empty for an alert about an environment.
        environment: whose infrastructure it is about; ``None`` for an alert about an endpoint.
        version: the version that the latest finding is about; ``None`` for broken segments.
        window_start, window_end: from the first window with findings to the end of the last; of an
            environment, the first and the last check that found something.
        windows: how many findings' windows, or checks, have joined it.
        findings: what the last window's findings, or the last check, say.
        action: the kind of the last action that it led to.
        traces: predictions behind the findings that were traced, as ``traceparent``s.
        traceparent: the alert's own trace, in which what it leads to goes on.
    """

    id: int
    endpoint: str = ""
    environment: EnvironmentName | None = None
    kind: AlertKind
    version: int | None = None
    state: AlertState
    title: str
    opened_at: datetime
    window_start: datetime | None
    window_end: datetime | None
    windows: int = 1
    findings: list[str] = Field(default_factory=list)
    action: str = ""
    events: list[AlertEvent] = Field(default_factory=list)
    traces: tuple[str, ...] = ()
    traceparent: str = ""

    @property
    def ref(self) -> EndpointRef | None:
        """The endpoint as a name with parts; ``None`` for an alert about an environment."""
        if not self.endpoint:
            return None
        squad, project, environment = self.endpoint.split("/")
        return EndpointRef(squad, project, check_environment(environment))

    @property
    def subject(self) -> str:
        """What it is about: the endpoint, or the environment."""
        return self.endpoint or str(self.environment)

    @property
    def scope(self) -> Scope:
        """Where one needs the right to see it; environments are of the whole platform."""
        return self.ref.scope if self.ref else Scope()

    @property
    def path(self) -> str:
        """The alert's place in the HTTP API."""
        of = self.ref.path if self.ref else f"/api/environments/{self.environment}"
        return f"{of}/alerts/{self.id}"


class Found(_Value):
    """A window's findings of one kind: what opens an alert or joins one."""

    at: datetime
    findings: list[FindingRecord] = Field(min_length=1)


class Differs(_Value):
    """An environment's infrastructure is not as its code says: what opens an alert or joins one.

    ``at`` is when that was checked, ``findings`` say what differs, ``count`` how much does.
    """

    environment: EnvironmentName
    at: datetime
    findings: list[str] = Field(min_length=1)
    count: int


class Acknowledge(_Value):
    """Somebody takes the alert on."""

    at: datetime
    by: str
    note: str = ""


class Resolve(_Value):
    """The alert is over, because somebody says so or the monitor sees it."""

    at: datetime
    by: str
    note: str = ""


class Act(_Value):
    """The alert has led to an action, or what was tried has ended."""

    at: datetime
    action: ActionKind
    note: str = ""


AlertChange = Found | Differs | Acknowledge | Resolve | Act


def open_alert(number: int, found: Found | Differs) -> Alert:
    """The alert that findings raise where none of their kind is under way."""
    if isinstance(found, Differs):
        return _open_about_environment(number, found)
    first = found.findings[0]
    title = _title(found.findings)
    return Alert(
        id=number,
        endpoint=first.endpoint,
        kind=first.kind,
        version=first.version,
        state="open",
        title=title,
        opened_at=found.at,
        window_start=first.window_start,
        window_end=first.window_end,
        findings=[finding.message for finding in found.findings],
        events=[AlertEvent(at=found.at, what="opened", by=MONITOR, note=title)],
        traces=_traces(found.findings),
    )


def advance(alert: Alert, change: AlertChange) -> Alert:
    """The alert after ``change``.

    Raises ``AlertSettled`` for what its state does not admit: anything but an action's end after
    it was resolved, acknowledging it twice.
    """
    if isinstance(change, Act):
        event = AlertEvent(at=change.at, what=change.action, by=MONITOR, note=change.note)
        return _with_event(alert, event, action=change.action)
    if alert.state == "resolved":
        raise AlertSettled(
            f"Alert {alert.id} of {alert.subject} was resolved by {alert.events[-1].by}.",
            hint="New findings open a new alert.",
        )
    if isinstance(change, Found):
        return _joined(alert, change.findings)
    if isinstance(change, Differs):
        return _checked_again(alert, change)
    if isinstance(change, Resolve):
        event = AlertEvent(at=change.at, what="resolved", by=change.by, note=change.note)
        return _with_event(alert, event, state="resolved")
    if alert.state == "acknowledged":
        raise AlertSettled(
            f"Alert {alert.id} of {alert.subject} is acknowledged already.",
            hint="Resolve it when it is over.",
        )
    event = AlertEvent(at=change.at, what="acknowledged", by=change.by, note=change.note)
    return _with_event(alert, event, state="acknowledged")


def _open_about_environment(number: int, found: Differs) -> Alert:
    title = _difference(found)
    return Alert(
        id=number,
        environment=found.environment,
        kind="infrastructure",
        state="open",
        title=title,
        opened_at=found.at,
        window_start=found.at,
        window_end=found.at,
        findings=found.findings,
        events=[AlertEvent(at=found.at, what="opened", by=MONITOR, note=title)],
    )


def _checked_again(alert: Alert, found: Differs) -> Alert:
    if alert.window_end and found.at <= alert.window_end:
        return alert  # it was told already
    changes: dict[str, object] = {
        "window_end": found.at,
        "windows": alert.windows + 1,
        "title": _difference(found),
        "findings": found.findings,
    }
    return alert.model_copy(update=changes)


def _difference(found: Differs) -> str:
    differ = "1 resource differs" if found.count == 1 else f"{found.count:,} resources differ"
    return f"{differ} from the code of {found.environment}."


def _joined(alert: Alert, findings: Sequence[FindingRecord]) -> Alert:
    last = findings[0]
    starts = [t for t in (alert.window_start, last.window_start) if t]
    ends = [t for t in (alert.window_end, last.window_end) if t]
    newest = not (alert.window_end and last.window_end and last.window_end < alert.window_end)
    changes: dict[str, object] = {
        "windows": alert.windows + (last.window_end != alert.window_end),
        "window_start": min(starts, default=None),
        "window_end": max(ends, default=None),
    }
    if newest:
        changes["version"] = last.version
        changes["title"] = _title(findings)
        changes["findings"] = [finding.message for finding in findings]
        changes["traces"] = _traces(findings) or alert.traces
    return alert.model_copy(update=changes)


def _with_event(alert: Alert, event: AlertEvent, **changes: object) -> Alert:
    return alert.model_copy(update={"events": [*alert.events, event], **changes})


def _title(findings: Sequence[FindingRecord]) -> str:
    more = len(findings) - 1
    return findings[0].message + (f" (and {more} more)" if more else "")


def _traces(findings: Sequence[FindingRecord]) -> tuple[str, ...]:
    every = dict.fromkeys(trace for finding in findings for trace in finding.traces)
    return tuple(every)[:_MOST_TRACES]


class ActionRequest(_Value):
    """An action that an alert leads to; carried out at least once, with ``id`` to tell repeats.

    Attributes:
        event_time: when it became due, in the endpoint's event time.
        detail: what the action needs beyond the endpoint, as JSON.
    """

    id: int
    endpoint: str = ""
    alert: int
    kind: ActionKind
    state: ActionState
    event_time: datetime
    detail: dict[str, JsonValue]
    attempts: int = 0
    last_error: str = ""

    @property
    def traceparent(self) -> str:
        """The action's place in its alert's trace."""
        return str(self.detail.get("traceparent", ""))
