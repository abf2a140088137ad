"""What the services say, as the pages show it: one function for each kind of card."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from northstar.access.domain import AuditEntry
from northstar.monitoring.domain import Alert, AlertEvent
from northstar.names import EndpointRef
from northstar.pipeline.jobs.domain import Job
from northstar.platform.web.views import (
    AlertCard,
    AuditRow,
    Comment,
    EndpointCard,
    Happening,
    ReleaseCard,
    Share,
)
from northstar.registry.domain import VersionRecord
from northstar.release.domain import AnyEvent, Release, RolloutPlan
from northstar.serving.domain import EndpointView, VersionCounters, latency_quantile_ms
from northstar.telemetry.trace_context import trace_ids

_DEEDS = {
    "version:register": "registered a version of {place}",
    "squad:create": "made a squad",
    "project:create": "made a project in {place}",
    "principal:create": "made a principal",
    "principal:secret": "made a secret for {principal}",
    "role:assign": "gave {principal} the role {role} in {place}",
    "role:revoke": "took the role {role} in {place} from {principal}",
    "release:proposed": "proposed release {release} (v{version}) to {place}",
    "release:approved": "approved release {release} (v{version}) to {place}",
    "release:rejected": "rejected release {release} (v{version}) to {place}",
    "release:began": "began to roll out v{version} to {place}",
    "release:step-passed": "passed a canary step of v{version} in {place}",
    "release:completed": "made v{version} live in {place}",
    "release:superseded": "retired v{version} in {place}",
    "release:rolled-back": "rolled back v{version} in {place}",
    "release:restored": "restored v{version} in {place}",
    "release:broke": "gave up the release of v{version} to {place}",
    "alert:manage": "took care of an alert of {place}",
}


def endpoint_card(ref: EndpointRef, view: EndpointView | None) -> EndpointCard:
    """An endpoint; ``view`` is ``None`` where nothing was ever released."""
    shares = tuple(
        Share(version, percent)
        for version, percent in sorted((view.weights if view else {}).items())
        if percent > 0
    )
    if view is None or not shares:
        return EndpointCard(ref, "idle", ())
    total = VersionCounters(version=0)
    for counters in view.counters:
        total = total.plus(counters)
    return EndpointCard(
        ref=ref,
        state=_endpoint_state(view, shares),
        shares=shares,
        url=view.url,
        requests=total.requests,
        errors=total.errors,
        latency_ms_p50=latency_quantile_ms(total.latency, 0.5),
        latency_ms_p99=latency_quantile_ms(total.latency, 0.99),
        captured=view.captured,
        dropped=view.dropped,
        last_seen_at=view.last_seen_at,
        problem=view.problem,
    )


def release_card(
    release: Release,
    events: Sequence[AnyEvent] = (),
    *,
    outlook: str = "",
    record: VersionRecord | None = None,
    why_not: str = "",
    may_reject: bool = False,
) -> ReleaseCard:
    """A release with its log; the last three say what its viewer needs to decide on it."""
    return ReleaseCard(
        ref=release.endpoint,
        id=release.id,
        version=release.version,
        state=release.state,
        plan=plan_text(release.plan),
        proposed_by=release.proposed_by,
        proposed_at=release.created_at,
        note=release.note,
        events=tuple(_release_event(event) for event in events),
        outlook=outlook,
        verdict=release.verdict,
        record=record,
        why_not=why_not,
        may_reject=may_reject,
        trace="".join(trace_ids(release.traceparent)),
    )


def plan_text(plan: RolloutPlan) -> str:
    """A rollout's plan in a few words."""
    if plan.kind == "direct":
        return "everything at once"
    return f"canary with {', '.join(f'{step:g} %' for step in plan.steps)}"


def alert_card(alert: Alert, may_manage: bool) -> AlertCard:
    """An alert with what was done about it."""
    # of an endpoint's alert the first finding is the title
    listed = alert.findings[1:] if alert.ref else alert.findings
    return AlertCard(
        ref=alert.ref,
        subject=alert.subject,
        place=alert.path.removeprefix("/api"),
        id=alert.id,
        kind=alert.kind,
        state=alert.state,
        title=alert.title,
        window_start=alert.window_start,
        window_end=alert.window_end,
        raised_at=alert.opened_at,
        windows=alert.windows,
        version=alert.version,
        findings=tuple(listed),
        history=tuple(_alert_event(event) for event in alert.events if event.what != "opened"),
        may_manage=may_manage,
        trace="".join(trace_ids(alert.traceparent)),
        predictions=trace_ids(*alert.traces),
    )


def job_line(job: Job) -> Happening:
    """A job in one line."""
    window = " to ".join(f"{at:%Y-%m-%d}" for at in (job.data_from, job.data_until) if at)
    text = f"Job {job.id}: the source of v{job.version}" + (f", data {window}" if window else "")
    told = " ".join(part for part in (job.reason, job.message) if part)
    return Happening(job.created_at, job.requested_by, f"{text}. {told}".strip(), job.state)


def audit_row(entry: AuditEntry) -> AuditRow:
    """An entry of the audit with its detail in sentences."""
    return AuditRow(
        sequence=entry.sequence,
        at=entry.at,
        principal=entry.principal,
        action=entry.action,
        scope=entry.scope,
        outcome=entry.outcome,
        detail=tuple(
            Comment(label, text) for label, value in entry.detail.items() if (text := _plain(value))
        ),
        credential=entry.credential or "",
        address=entry.address or "",
    )


def deed(entry: AuditEntry) -> Happening | None:
    """An entry as an event of the front page; ``None`` for what only an auditor wants to see."""
    told = _DEEDS.get(entry.action)
    place = entry.scope.strip("/") or "the platform"
    if entry.outcome == "denied":
        text = f"was refused {entry.action} in {place}"
    elif told is None:
        return None
    else:
        text = told.format_map(_Known({**entry.detail, "place": place}))
    return Happening(entry.at, entry.principal, text, entry.outcome)


class _Known(dict[str, JsonValue]):
    """Words for a sentence; one that is not known is left as dots."""

    def __missing__(self, key: str) -> str:
        return "…"


def _endpoint_state(view: EndpointView, shares: Sequence[Share]) -> str:
    if view.last_seen_at is None:
        return "starting"
    if not view.answering:
        return "silent"
    if view.problem or view.served_revision < view.revision:
        return "faulty"
    return "canary" if len(shares) > 1 else "serving"


def _release_event(event: AnyEvent) -> Happening:
    words = {"step-passed": "canary step passed", "rolled-back": "rolled back", "broke": "failed"}
    what = words.get(event.kind, event.kind)
    return Happening(event.at, event.by, f"{what}: {event.reason}" if event.reason else what)


def _alert_event(event: AlertEvent) -> Happening:
    return Happening(
        event.at, event.by, f"{event.what}: {event.note}" if event.note else event.what
    )


def _plain(value: JsonValue) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    return "" if value is None else str(value)
