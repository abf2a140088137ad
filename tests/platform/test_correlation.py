"""One trace from the predictions behind an alert to the release that comes of it."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from northstar.access.domain import Principal
from northstar.isolation.same_user import SameUser
from northstar.monitoring.captures import Captures
from northstar.monitoring.domain import Alert
from northstar.monitoring.service import MonitoringService
from northstar.names import EndpointRef, EnvironmentName, ProjectRef
from northstar.pipeline.jobs.service import JobService
from northstar.pipeline.jobs.store import JobStore
from northstar.platform.adapters import MonitorActions
from northstar.release.domain import DIRECT
from northstar.storage.places import SquadStores
from northstar.telemetry import trace_context
from northstar.telemetry.fake import RecordingTelemetry
from northstar.telemetry.interface import Span
from northstar.telemetry.outbox import Outbox
from northstar.telemetry.trace_context import VARIABLE, parse
from tests.monitoring.bench import PROD, ROWS
from tests.monitoring.bench import World as Monitored
from tests.pipeline.test_jobs import Machine
from tests.release.world import World as Released

JOBS = Principal(id="platform:jobs", kind="platform", name="jobs")


class Trainer(Machine):
    """An executor that remembers what a job's process is told of its trace."""

    told: str = ""

    def start(
        self, folder: Path, user: str, command: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        super().start(folder, user, command, environment)
        self.told = environment[VARIABLE]


class World:
    """A monitor, jobs and releases on one database; training and MLflow are imitated."""

    def __init__(self, folder: Path) -> None:
        self.monitored = Monitored(folder)
        self.database = self.monitored.database
        self.released = Released(folder, database=self.database)
        self.releases = self.released.releases
        self.machine = Trainer()
        self._archive = folder / "source.tar.gz"
        with tarfile.open(self._archive, "w:gz"):
            pass
        self.jobs = JobService(
            JobStore(self.database),
            self.machine,
            SameUser("own machine", {}),
            self,
            folder / "jobs",
            self.monitored.clock,
        )
        self.monitor = MonitoringService(
            self.database,
            Captures(SquadStores(str(self.monitored.captures))),
            self.monitored.versions,
            MonitorActions(self.jobs, self.releases),
            self.monitored.webhooks,
            self.monitored.clock,
        )
        self.telemetry = RecordingTelemetry()
        self.outbox = Outbox(self.database, self.telemetry, self.released.clock)

    def source(self, project: ProjectRef, version: int) -> Path:
        return self._archive

    def withdraw(self, project: ProjectRef) -> None:
        pass

    def environment(self, project: ProjectRef, started_by: str) -> dict[str, str]:
        return {}

    def propose(
        self,
        project: ProjectRef,
        environment: EnvironmentName,
        version: int,
        reason: str,
        asked_by: str,
    ) -> str:
        endpoint = EndpointRef(project.squad, project.project, environment)
        made = self.releases.propose(endpoint, version, JOBS, DIRECT, reason, asked_by)
        return f"release {made.id}"

    def alert(self, action: str) -> tuple[Alert, list[str]]:
        """Drifted traffic, a row in fifty of which was traced; gives the alert and those traces."""
        self.monitored.register(actions={"drift": action})
        traces: list[str | None] = [None] * ROWS
        for row in range(0, ROWS, 50):
            traces[row] = str(trace_context.new(sampled=True))
        self.monitored.week(0, shift=3.0, traces=traces)
        self.monitored.week(1)
        self.monitor.step()
        found = self.monitor.alerts(PROD, kind="drift")
        return found[0], [trace for trace in traces if trace]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.database.close()


def test_an_alert_has_a_trace_of_its_own_that_links_to_the_predictions_behind_it(
    world: World,
) -> None:
    alert, predictions = world.alert("notify")
    assert alert.traces
    assert set(alert.traces) <= set(predictions)
    world.outbox.step()
    opened = next(span for span in world.telemetry.spans if span.name == "alert opened")
    assert str(opened.context) == alert.traceparent
    assert opened.parent is None
    assert [str(link) for link in opened.links] == list(alert.traces)
    event = next(one for one in world.telemetry.events if one.context == opened.context)
    assert event.attributes["state"] == "open"
    assert event.attributes["kind"] == "drift"


def test_the_retraining_and_the_release_go_on_in_the_alerts_trace(world: World) -> None:
    alert, _ = world.alert("retrain")
    world.monitor.step()
    (job,) = world.jobs.of_project(PROD.project_ref)
    world.jobs.step()
    assert world.machine.told == job.traceparent
    world.released.register(1)
    world.machine.end({"version": 1})
    world.jobs.step()
    world.jobs.step()
    (release,) = world.releases.releases(PROD)
    assert world.jobs.get(PROD.project_ref, job.id).state == "succeeded"
    world.releases.approve(PROD, release.id, world.released.ben)
    world.outbox.step()
    spans = in_trace(world.telemetry.spans, alert.traceparent)
    assert path_of(spans, "release approved") == [
        "alert opened",
        "alert retrain",
        "job queued",
        "release proposed",
        "release approved",
    ]


def test_a_rollback_by_an_alert_is_told_in_the_releases_trace_and_links_to_the_alert(
    world: World,
) -> None:
    world.released.register(1)
    first = world.releases.propose(PROD, 1, world.released.anna, DIRECT)
    world.releases.approve(PROD, first.id, world.released.ben)
    world.released.settle()
    world.released.register(2, live=1)
    second = world.releases.propose(PROD, 2, world.released.anna, DIRECT)
    world.releases.approve(PROD, second.id, world.released.ben)
    world.released.settle()
    with trace_context.using(alert := trace_context.new(sampled=True)):
        world.releases.rollback(PROD, "it drifted", JOBS)
    world.outbox.step()
    back = next(span for span in world.telemetry.spans if span.name == "release rolled-back")
    assert back.parent == parse(second.traceparent)
    assert list(back.links) == [alert]
    states = [one.attributes["state"] for one in world.telemetry.events]
    assert states.count("rolled-back") == 1


def in_trace(spans: list[Span], traceparent: str) -> list[Span]:
    trace = parse(traceparent)
    assert trace is not None
    return [span for span in spans if span.context.trace_id == trace.trace_id]


def path_of(spans: list[Span], name: str) -> list[str]:
    """The names of the spans from the root of the trace to this one."""
    by_id = {span.context.span_id: span for span in spans}
    span = next(one for one in spans if one.name == name)
    path = [span.name]
    while span.parent is not None:
        span = by_id[span.parent.span_id]
        path.insert(0, span.name)
    return path
