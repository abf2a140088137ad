"""What is measured of the platform's state: what an operator would want to be woken for.

Read from the database when metrics are collected, by the replica that leads, so that replicas don't
count the same things again. How far behind a loop is, the replica says that runs it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Protocol

from northstar.access.credentials.domain import SOON_DAYS
from northstar.access.service import AccessService
from northstar.monitoring.service import MonitoringService, StepReport
from northstar.pipeline.jobs.service import JobService
from northstar.platform.loops import Loops
from northstar.release.service import ReleaseService
from northstar.telemetry.interface import Instruments, Measured


class Backlog(Protocol):
    """Something that is sent to a place outside, little by little."""

    def step(self) -> int:
        """Send what waits; returns how much of it arrived."""
        ...

    def waiting(self) -> int:
        """How much of it has not arrived."""
        ...


def watch(
    made: Instruments,
    loops: Loops,
    access: AccessService,
    monitoring: MonitoringService,
    releases: ReleaseService,
    jobs: JobService,
    backlogs: Mapping[str, Backlog],
) -> None:
    """Have the platform's state measured from now on."""

    def gauge(
        name: str, unit: str, description: str, read: Callable[[], Iterable[Measured]]
    ) -> None:
        made.gauge(name, unit, description, lambda: read() if loops.leading else ())

    gauge(
        "northstar.alerts", "{alert}", "Alerts that are not resolved.", lambda: _alerts(monitoring)
    )
    gauge("northstar.releases", "{release}", "Releases by state.", lambda: _releases(releases))
    gauge(
        "northstar.credential.time_left",
        "s",
        "How long a secret or certificate holds that ends within a month, without another.",
        lambda: _ending(access),
    )
    gauge("northstar.jobs", "{job}", "Jobs that have not ended, by state.", lambda: _jobs(jobs))
    gauge(
        "northstar.backlog",
        "{entry}",
        "What has not yet arrived at where it is sent: entries of the audit, events.",
        lambda: [(what.waiting(), {"northstar.kind": kind}) for kind, what in backlogs.items()],
    )
    made.gauge(
        "northstar.loop.lag",
        "s",
        "How long ago a background loop last did its step without a failure.",
        lambda: [(lag, {"northstar.loop": name}) for name, lag in loops.lags().items()],
    )
    made.gauge(
        "northstar.leading",
        "1",
        "Whether this replica runs the background loops; without any, nothing moves.",
        lambda: [(int(loops.leading), {})],
    )


def counted(made: Instruments, step: Callable[[], StepReport]) -> Callable[[], StepReport]:
    """The monitor's step, counting what it took in."""
    predictions = made.counter(
        "northstar.monitoring.predictions", "{prediction}", "Captured predictions taken in."
    )
    labels = made.counter("northstar.monitoring.labels", "{label}", "Labels taken in.")
    windows = made.counter("northstar.monitoring.windows", "{window}", "Windows judged.")

    def counting() -> StepReport:
        report = step()
        predictions.add(report.predictions)
        labels.add(report.labels)
        windows.add(report.windows)
        return report

    return counting


def _alerts(monitoring: MonitoringService) -> Iterable[Measured]:
    found = Counter(
        (alert.kind, alert.state, alert.ref.environment if alert.ref else alert.subject)
        for state in ("open", "acknowledged")
        for alert in monitoring.alerts(state=state)
    )
    for (kind, state, environment), count in found.items():
        yield (
            count,
            {
                "northstar.kind": kind,
                "northstar.state": state,
                "northstar.environment": environment,
            },
        )


def _ending(access: AccessService) -> Iterable[Measured]:
    for one in access.credentials.ending(timedelta(days=SOON_DAYS)):
        if one.expires_at:
            left = -access.seconds_since(one.expires_at.timestamp())
            yield left, {"northstar.principal": one.principal, "northstar.kind": one.kind}


def _releases(releases: ReleaseService) -> Iterable[Measured]:
    for (environment, state), count in releases.counts().items():
        yield count, {"northstar.state": state, "northstar.environment": environment}


def _jobs(jobs: JobService) -> Iterable[Measured]:
    for state, count in jobs.counts().items():
        yield count, {"northstar.state": state}
