"""A whole platform behind its pages, without MLflow and endpoint processes, and full of hostility.

Whatever a person or a script may name or say says ``HOSTILE`` somewhere.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fastapi import FastAPI
from starlette.testclient import TestClient

from northstar.access.domain import PLATFORM, check_role, principal_of
from northstar.environments.domain import (
    Environment,
    EnvironmentReport,
    PolicyFinding,
    ResourceChange,
)
from northstar.monitoring.domain import Label
from northstar.names import EndpointRef, ProjectRef, Scope
from northstar.pipeline.jobs.domain import JobRequest
from northstar.platform.app import create_app
from northstar.platform.settings import Settings
from northstar.platform.wiring import Platform, build, holds
from northstar.project.fake import FakeWorkspaces
from northstar.project.service import ProjectService
from northstar.project.store import ProjectStore
from northstar.registry.domain import (
    BaselineCoefficient,
    Column,
    LeakSuspect,
    Metric,
    SliceResult,
    VersionUse,
)
from northstar.registry.fake import FakeMlflow, example_registration
from northstar.registry.models import ModelFolders
from northstar.registry.service import RegistryService
from northstar.release.domain import DIRECT
from northstar.release.service import ReleaseService
from northstar.serving.domain import EndpointStatus, VersionCounters
from northstar.standards.service import StandardsService
from northstar.standards.store import ParameterStore
from tests.monitoring.bench import PROD
from tests.monitoring.bench import World as Monitored

HOSTILE = """<script>alert(1)</script>"'&lt;{{7*7}}</script><img src=x onerror=alert(2)>"""
HOSTILE_TO_ALL = HOSTILE.replace("alert(1)", "alert(3)")
"""The same in what everybody may read: of environments, of reports on them, and freezes of all."""
PROJECT = PROD.project_ref
STAGING = EndpointRef(PROJECT.squad, PROJECT.project, "staging")
PLACE = f"/squads/{PROJECT.squad}/projects/{PROJECT.project}"


class WebWorld:
    """The control plane's application over a story: two versions, releases, drift, alerts, a job.

    Args:
        url: where the application will be found; part of its sign-in links.
    """

    def __init__(self, folder: Path, weeks: int = 6, url: str = "http://testserver") -> None:
        settings = dataclasses.replace(Settings.embedded(folder, "127.0.0.1", 0), url=url)
        self._built = build(settings)
        self.monitored = Monitored(settings.state, database=self._built.database)
        self.mlflow = FakeMlflow()
        self.platform = self._with_fakes(self._built)
        self.app: FastAPI = create_app(self.platform)
        self._people()
        self._versions_and_releases()
        self._traffic(weeks)
        self._environments()

    def close(self) -> None:
        """Let go of the database."""
        self._built.close()

    def link(self, name: str) -> str:
        """A sign-in link of a person."""
        return self.platform.access.sign_in_link(name)

    def browser(self, name: str = "") -> TestClient:
        """A browser in which that person is signed in, or nobody."""
        client = TestClient(self.app, headers={"accept": "text/html"})
        if name:
            code = self.link(name).partition("?")[2]
            answer = client.get(f"/sign-in?{code}", follow_redirects=False)
            assert answer.status_code == 303, answer.text
        return client

    def _with_fakes(self, built: Platform) -> Platform:
        clock, database = self.monitored.clock, built.database
        projects = ProjectService(ProjectStore(database), FakeWorkspaces(), clock)

        def uses(project: ProjectRef, version: int) -> list[VersionUse]:
            return releases.uses(project, version)

        registry = RegistryService(
            database,
            self.mlflow,
            ModelFolders(built.settings.state / "models"),
            built.settings.state / "downloads",
            clock,
            uses,
            projects,
        )
        standards = StandardsService(registry, ParameterStore(database, clock, built.access.audit))
        endpoints = built.endpoints
        releases = ReleaseService(
            database,
            clock,
            registry,
            standards,
            endpoints,
            endpoints,
            built.access,
            holds(built.freezes),
        )
        return dataclasses.replace(
            built,
            projects=projects,
            registry=registry,
            standards=standards,
            releases=releases,
            monitoring=self.monitored.monitor,
        )

    def _people(self) -> None:
        self.platform.projects.create_squad("operations", f"Gates {HOSTILE}", "user:admin")
        self.platform.projects.create_squad("pricing", "", "user:admin")
        self.platform.projects.create_project(PROJECT, f"Late? {HOSTILE}", "user:admin")
        self.platform.projects.create_project(ProjectRef("pricing", "fares"), "", "user:admin")
        directory = self.platform.access.directory
        for name, role, scope in (
            ("anna", "data-scientist", "/operations"),
            ("ben", "squad-owner", "/operations"),
            ("carl", "reader", "/pricing"),
            ("dora", "platform-admin", "/"),
        ):
            directory.ensure(principal_of("user", name), ())
            directory.assign(f"user:{name}", check_role(role), Scope.parse(scope), PLATFORM.id)
        self._wishes()
        self.anna = directory.get("user:anna")
        self.ben = directory.get("user:ben")

    def _wishes(self) -> None:
        """Anna asks for a role in two places; Ben gives one of them."""
        anna, ben = (self.platform.access.directory.get(f"user:{n}") for n in ("anna", "ben"))
        elevations, hours = self.platform.elevations, timedelta(hours=2)
        scope = Scope(PROJECT.squad, PROJECT.project)
        given = elevations.request(anna, "operator", scope, f"Look {HOSTILE}", hours)
        elevations.approve(ben, given.id, f"Go on {HOSTILE}")
        self.wish = elevations.request(
            anna, "approver", Scope(PROJECT.squad), f"On duty {HOSTILE}", hours
        ).id

    def _versions_and_releases(self) -> None:
        releases = self.platform.releases
        self._register(1)
        releases.propose(STAGING, 1, self.anna, DIRECT, f"First {HOSTILE}")
        first = releases.propose(PROD, 1, self.anna, DIRECT, f"First {HOSTILE}")
        releases.approve(PROD, first.id, self.ben, f"Fine {HOSTILE}")
        self._settle()
        self._register(2, live=1)
        self.waiting = releases.propose(PROD, 2, self.anna, None, f"Better {HOSTILE}").id
        self._register(3, live=1, leaks=True)
        releases.propose(STAGING, 3, self.anna, DIRECT, HOSTILE)
        request = JobRequest(
            version=1, data_from=datetime(2013, 4, 1, tzinfo=UTC), reason=f"Retrain {HOSTILE}"
        )
        self.platform.jobs.create(PROJECT, request, "platform:monitor")

    def _register(self, version: int, live: int | None = None, leaks: bool = False) -> None:
        self.monitored.register(version)
        better = Metric(value=0.02, low=0.01, high=0.03)
        known = self.monitored.versions.get(PROJECT, version)
        suspect = LeakSuspect(feature=HOSTILE, kind="target", score=0.99, explanation=HOSTILE)
        registration = example_registration(
            run_id=f"run{version}",
            model_uri=f"runs:/run{version}/model",
            columns=[Column(name="size", type="double"), Column(name=HOSTILE, type="string")],
            classes=["no", HOSTILE],
            profile=known.profile,
            monitoring=known.monitoring,
            evidence={
                "live_version": live,
                "live_difference": better if live else None,
                "baseline_coefficients": [
                    BaselineCoefficient(input=f"{HOSTILE}={HOSTILE}", effect=better)
                ],
                "leak_suspects": [suspect] if leaks else [],
                "slices": [SliceResult(column=HOSTILE, value=HOSTILE, rows=9, metric=better)],
            },
            lineage={"commit": HOSTILE, "parameters": {HOSTILE: [HOSTILE]}, "template": HOSTILE},
        )
        self.mlflow.models[registration.model_uri] = {"MLmodel": f"model {version}".encode()}
        record = self.platform.registry.register(PROJECT, registration, self.anna)
        assert record.version == version

    def _settle(self) -> None:
        """Let the loop release, and an endpoint report that it serves what it was told."""
        for _ in range(4):
            self.platform.releases.step()
            for endpoint in (STAGING, PROD):
                spec = self.platform.endpoints.spec(endpoint)
                report = EndpointStatus(
                    instance="one",
                    revision=spec.revision,
                    url="http://127.0.0.1:1",
                    started_at=self.monitored.clock.now(),
                    counters=(VersionCounters(version=1, requests=1200, errors=2, rows=1200),),
                    captured=1200,
                    problem=HOSTILE if endpoint == STAGING else "",
                )
                self.platform.endpoints.sync(endpoint, report)

    def _environments(self) -> None:
        """Staging was applied and then changed by hand; dev is frozen, and prod will be."""
        environments, freezes = self.platform.environments, self.platform.freezes
        now, owners = datetime.now(UTC), (HOSTILE_TO_ALL, "platform-team")
        said = Environment(
            name="staging", description=HOSTILE_TO_ALL, owners=owners, contact=HOSTILE_TO_ALL
        )
        environments.set(said, "user:dora")
        change = ResourceChange(address=HOSTILE, what="change", summary=HOSTILE)
        finding = PolicyFinding(policy=HOSTILE, address=HOSTILE, message=HOSTILE, waived=HOSTILE)
        applied = EnvironmentReport(
            environment="staging",
            kind="apply",
            at=now - timedelta(days=3),
            commit=HOSTILE_TO_ALL,
            created=66,
            findings=(finding, finding.model_copy(update={"waived": ""})),
        )
        failed = {"kind": "plan", "at": now - timedelta(minutes=5), "problem": HOSTILE}
        drifted = {"kind": "drift", "at": now - timedelta(days=2), "changed": 1, "created": 0}
        environments.report(applied, "service:ci")
        environments.report(
            applied.model_copy(update={**drifted, "changes": (change,)}), "service:ci"
        )
        environments.report(applied.model_copy(update=failed), "service:ci")
        environments.step()
        dora = self.platform.access.directory.get("user:dora")
        month = timedelta(days=30)
        frozen = freezes.set("dev", None, f"Peak {HOSTILE_TO_ALL}", None, now + month, dora)
        freezes.exempt(frozen.id, PROJECT, f"Now {HOSTILE}", 24, dora)
        freezes.set("prod", PROJECT.squad, HOSTILE, now + month, now + 2 * month, dora)

    def _traffic(self, weeks: int) -> None:
        """Weeks as in the reference, then worse ones with a town of which nobody has heard."""
        labels: list[Label] = []
        for week in range(weeks):
            worse = week >= weeks // 2
            changed = {"town": HOSTILE} if worse else {}
            labels += self.monitored.week(
                week, shift=2.5 if worse else 0.0, skill=0.1 if worse else 1.0, **changed
            )
        self.monitored.week(weeks)
        self.monitored.monitor.step()
        self.monitored.push(labels)
        self.monitored.monitor.step()
        alerts = self.monitored.monitor.alerts(PROD)
        assert {alert.kind for alert in alerts} >= {"drift", "performance"}, alerts
        self.monitored.monitor.acknowledge(PROD, alerts[0].id, self.ben.id, f"Seen {HOSTILE}")
