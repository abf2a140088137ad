"""The story, chapter by chapter; everything goes through commands, the SDK or HTTP."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path

import click
import numpy as np
import pandas as pd

from demo.people import Platform, wait_for
from demo.policies import GO_LIVE
from demo.replay import Replay
from demo.report import Outcome, Timeline, compare
from northstar.monitoring.client import MonitoringClient
from northstar.monitoring.domain import Alert
from northstar.names import EndpointRef
from northstar.pipeline.jobs.client import JobClient
from northstar.release.client import ReleaseClient
from northstar.release.domain import Release

PROJECT = "operations/late-arrival"
ENDPOINT = EndpointRef.parse(f"{PROJECT}/prod")
_EXAMPLE = Path(__file__).parent.parent / "examples" / "late-arrival"
_CANARY = ("--canary", "20,50", "--min-requests", "30", "--min-seconds", "1")
_A_DAY_OF_CANARY_SECONDS = 1.2


class Story:
    """The demo's state: who is who, what was sent, what happened."""

    def __init__(self, platform: Platform, folder: Path, until: str, airports: list[str]) -> None:
        self._platform = platform
        self._project = folder / "late-arrival"
        self._until = until
        self._out = folder / "policies.npz"
        self.timeline = Timeline()
        self._copy_example(airports)

    def prologue(self) -> None:
        """Start the platform; make squad, project and principals."""
        _chapter("1  A platform, a squad, and people")
        self._admin = self._platform.administrator()
        self._say(f"Northstar is up at {self._admin.url}")
        self._admin.northstar("squad", "create", "operations")
        self._admin.northstar("project", "create", PROJECT)
        self._ada = self._admin.hire("user:ada", "data-scientist", "/operations")
        self._grace = self._admin.hire("user:grace", "approver", "/operations")
        self._desk = self._admin.hire("service:desk", "invoker", f"/{ENDPOINT}")
        self._say("ada trains models, grace approves releases, the desk asks for predictions")

    def first_release(self) -> None:
        """A first attempt that the gate refuses, and a second that goes live."""
        _chapter("2  January to March: the squad's own script, and a gate that teaches")
        version = self._run("2013-01-01", "2013-04-01")
        verdict = self._ada.northstar("gate", PROJECT, str(version), fails=True)
        click.echo(textwrap.indent(verdict.strip(), "    "), err=True)
        self._event(GO_LIVE, "gate", f"refuses version {version}: dep_delay leaks the outcome")
        spec = self._project / "northstar.yaml"
        spec.write_text(spec.read_text() + "features:\n  exclude: [dep_delay]\n")
        self._event(GO_LIVE, "ada", "leaves dep_delay out: nobody knows it before departure")
        version = self._run("2013-01-01", "2013-04-01")
        self._ada.northstar("gate", PROJECT, str(version))

        _chapter("3  Four eyes, and an endpoint in a process of its own")
        release = self._ada.ask("release", "propose", str(ENDPOINT), str(version), *_CANARY)
        number = str(release["id"])
        refused = self._ada.northstar("release", "approve", str(ENDPOINT), number, fails=True)
        self._say(refused.strip().splitlines()[0])
        self._grace.northstar("release", "approve", str(ENDPOINT), number)
        self._connect()
        wait_for(lambda: self._live_version() == version, "the first release")
        self._event(GO_LIVE, "grace", f"approves version {version}, and it goes live")

    def the_year(self) -> None:
        """Replay the flights; react to what the monitor says as people would."""
        _chapter("4  April to December: predictions now, labels a week later")
        policies = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "demo.policies", str(self._project),
             self._until, str(self._out)],
            cwd=_EXAMPLE.parent.parent,
        )  # fmt: skip
        sys.path.insert(0, str(self._project))
        flights = importlib.import_module("flights").load(GO_LIVE, _utc(self._until))
        self._replay = Replay(self._desk.connect(), ENDPOINT, flights)
        self._flights = flights
        self._told: set[int] = set()
        days = list(self._replay.days())
        with click.progressbar(days, label="  replay", file=sys.stderr, show_pos=True) as progress:
            for number, day in enumerate(progress):
                self._replay.send_until(day)
                if self._rollout() is not None:
                    time.sleep(_A_DAY_OF_CANARY_SECONDS)  # a rollout is decided in wall time
                if (day - GO_LIVE.floor("D")).days % 7 == 0 or number == len(days) - 1:
                    self._end_of_week(day)
        if policies.wait() != 0:
            sys.exit("The comparison with other policies failed; its message is above.")

    def epilogue(self) -> Outcome:
        """Compare with never retraining and with retraining every month; print everything."""
        scores = np.load(self._out)
        outcome = compare(
            self._flights, scores["never"], scores["monthly"], self._replay.served.scores
        )
        _chapter("5  What happened")
        click.echo(self.timeline.text())
        _chapter("6  What it was worth")
        click.echo(
            "Each day the desk protects the connections of the riskiest quarter of flights.\n"
            "Unprotected: late flights that were not among them.\n"
        )
        click.echo(outcome.text())
        share = outcome.undetected_loss_share
        if share is not None:
            saved, most = outcome.never - outcome.northstar, outcome.never - outcome.monthly
            click.echo(
                f"\nRetraining on the first of every month, monitor or not, saves {most:,} flights;"
                f" Northstar saved {saved:,} with {self._retrainings()} retrainings "
                f"({1 - share:.0%} of it)."
            )
        return outcome

    def _end_of_week(self, now: pd.Timestamp) -> None:
        self._replay.push_labels(now)
        wait_for(
            lambda: self._replay.monitor_has_seen(self._admin_monitoring.status(ENDPOINT)),
            "the monitor to see the week",
        )
        self._admin_monitoring.advance(ENDPOINT, now.to_pydatetime())
        for alert in self._admin_monitoring.alerts(ENDPOINT):
            if alert.state != "resolved":
                self._hear(alert, now)
        self._let_jobs_end(now)
        if self._note_live(now):
            for alert in self._admin_monitoring.alerts(ENDPOINT, state="acknowledged"):
                self._admin_monitoring.resolve(alert.id, "a retrained version is live")

    def _hear(self, alert: Alert, now: pd.Timestamp) -> None:
        if alert.id in self._told:
            return
        self._told.add(alert.id)
        self._event(now, "monitor", f"{alert.kind} alert: {alert.title}")
        if alert.state == "open":
            self._admin_monitoring.acknowledge(alert.id, "seen by the desk")

    def _let_jobs_end(self, now: pd.Timestamp) -> None:
        """Wait for retrainings in this week, so that event time says when they were ready."""
        wait_for(lambda: not self._pending_actions(), "the alerts' actions")
        for job in reversed(self._jobs.of_project(ENDPOINT.project_ref)):
            key = -job.id
            if key in self._told:
                continue
            self._told.add(key)
            self._event(now, "platform", f"retrains: {job.reason}")
            done = wait_for(partial(self._ended, job.id), f"job {job.id}")
            if done.state == "failed":
                self._event(now, "platform", f"the retraining failed: {done.message}")
        for release in self._releases.releases(ENDPOINT):
            if release.state == "proposed":
                self._grace.northstar("release", "approve", str(ENDPOINT), str(release.id))
                self._event(now, "grace", f"approves version {release.version}; a canary begins")
            elif release.state == "refused" and ("refused", release.id) not in self._noted:
                self._noted.add(("refused", release.id))
                self._event(now, "gate", f"refuses version {release.version}")

    def _note_live(self, now: pd.Timestamp) -> bool:
        for release in self._releases.releases(ENDPOINT):
            if release.state == "rolled-back" and ("back", release.id) not in self._noted:
                self._noted.add(("back", release.id))
                self._event(now, "canary", f"takes version {release.version} back")
        live = self._live_version()
        if live is None or live in self._was_live:
            return False
        self._was_live.add(live)
        if len(self._was_live) == 1:
            return False
        served = self._replay.served.versions
        first = self._flights["scheduled_departure"].iloc[int(np.argmax(served == live))]
        self._event(now, "canary", f"version {live} has all traffic (first asked {first:%d %b})")
        return True

    def _connect(self) -> None:
        connection = self._admin.connect()
        self._admin_monitoring = MonitoringClient(connection)
        self._jobs = JobClient(connection)
        self._releases = ReleaseClient(connection)
        self._was_live: set[int] = set()
        self._noted: set[tuple[str, int]] = set()

    def _run(self, start: str, end: str) -> int:
        done = self._ada.ask(
            "run", "-C", str(self._project), "--from", start, "--until", end, "--quiet"
        )
        evidence = done["evidence"]
        metric = evidence["primary_metric"]
        self._event(
            GO_LIVE,
            "ada",
            f"trains version {done['version']}: {metric} "
            f"{evidence['metrics'][metric]['value']:.3f}, "
            f"linear baseline {evidence['baseline'][metric]['value']:.3f}",
        )
        return int(done["version"])

    def _live_version(self) -> int | None:
        live = (r.version for r in self._releases.releases(ENDPOINT) if r.state == "live")
        return next(live, None)

    def _rollout(self) -> Release | None:
        going = (
            r for r in self._releases.releases(ENDPOINT) if r.state in ("approved", "rolling-out")
        )
        return next(going, None)

    def _pending_actions(self) -> bool:
        return any(
            action.state == "pending"
            for alert in self._admin_monitoring.alerts(ENDPOINT)
            for action in self._admin_monitoring.actions(alert)
        )

    def _ended(self, number: int) -> object:
        job, _ = self._jobs.get(ENDPOINT.project_ref, number)
        return job if job.state in ("succeeded", "failed") else None

    def _retrainings(self) -> int:
        return len(self._jobs.of_project(ENDPOINT.project_ref))

    def _event(self, at: pd.Timestamp, who: str, what: str) -> None:
        self.timeline.add(at, who, what)

    def _say(self, what: str) -> None:
        click.echo(f"  {what}", err=True)

    def _copy_example(self, airports: list[str]) -> None:
        if self._project.exists():
            shutil.rmtree(self._project)
        shutil.copytree(_EXAMPLE, self._project, ignore=shutil.ignore_patterns("__pycache__"))
        if airports:
            data = self._project / "flights.py"
            text = data.read_text().replace(
                'AIRPORTS = ["EWR", "JFK", "LGA"]', f"AIRPORTS = {airports}"
            )
            data.write_text(text)


def _chapter(title: str) -> None:
    click.echo(f"\n{title}\n", err=True)


def _utc(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")
