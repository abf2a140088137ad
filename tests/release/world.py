"""A platform in memory and one SQLite file, for tests of releases."""

from __future__ import annotations

from pathlib import Path

from northstar.access.domain import PLATFORM, Principal, RoleName
from northstar.access.service import AccessService
from northstar.clock import FakeClock
from northstar.database import Database, metadata
from northstar.names import EndpointRef, ProjectRef, Scope
from northstar.registry.domain import Metric, VersionRegistration, VersionUse
from northstar.registry.fake import FakeMlflow, example_registration
from northstar.registry.models import ModelFolders
from northstar.registry.service import RegistryService
from northstar.release.domain import Hold, Release, RolloutPlan
from northstar.release.fake import FakeEndpoints
from northstar.release.service import ReleaseService
from northstar.standards.service import StandardsService
from northstar.standards.store import ParameterStore

PROJECT = ProjectRef("operations", "late-arrival")
DEV = EndpointRef("operations", "late-arrival", "dev")
PROD = EndpointRef("operations", "late-arrival", "prod")
CANARY = RolloutPlan(steps=(10.0, 50.0), min_requests=50, min_seconds=10)


class AnyProject:
    def project(self, ref: ProjectRef) -> object:
        return ref


class World:
    """A platform with everything but HTTP, MLflow and endpoint processes."""

    def __init__(
        self,
        folder: Path,
        endpoints: FakeEndpoints | None = None,
        mlflow: FakeMlflow | None = None,
        database: Database | None = None,
    ) -> None:
        self.database = database or Database(f"sqlite:///{folder / 'test.db'}")
        metadata.create_all(self.database.engine)
        self.clock = FakeClock()
        self.hold: Hold | None = None
        self.access = AccessService(self.database, self.clock, "http://platform")
        self.mlflow = mlflow or FakeMlflow()
        self.endpoints = endpoints or FakeEndpoints()
        self.registry = RegistryService(
            self.database,
            self.mlflow,
            ModelFolders(folder / "models"),
            folder / "downloads",
            self.clock,
            self._uses,
            AnyProject(),
        )
        parameters = ParameterStore(self.database, self.clock, self.access.audit)
        self.standards = StandardsService(self.registry, parameters)
        self.releases = ReleaseService(
            self.database,
            self.clock,
            self.registry,
            self.standards,
            self.endpoints,
            self.endpoints,
            self.access,
            self.held,
        )
        self.anna, self.ben, self.chris = (self.person(name) for name in ("anna", "ben", "chris"))
        for person in (self.anna, self.ben, self.chris):
            scope = Scope("operations")
            self.access.directory.assign(person.id, "squad-owner", scope, PLATFORM.id)

    def held(self, endpoint: EndpointRef) -> Hold | None:
        return self.hold

    def give(self, principal: str, role: RoleName, scope: str) -> None:
        self.access.directory.assign(principal, role, Scope.parse(scope), PLATFORM.id)

    def person(self, name: str) -> Principal:
        self.access.directory.create("user", name, PLATFORM.id)
        return self.access.directory.get(f"user:{name}")

    def offer_model(self, version: int) -> None:
        """Let MLflow have the model of the run that will be this version."""
        self.mlflow.models[f"runs:/run{version}/model"] = {"MLmodel": f"model {version}".encode()}

    def registration(
        self, version: int, *, live: int | None = None, unsigned: bool = False
    ) -> VersionRegistration:
        better = Metric(value=0.02, low=0.01, high=0.03)
        return example_registration(
            run_id=f"run{version}",
            model_uri=f"runs:/run{version}/model",
            evidence={
                "live_version": live,
                "live_difference": better if live else None,
                "signature_present": not unsigned,
            },
        )

    def register(self, version: int, *, live: int | None = None, unsigned: bool = False) -> None:
        self.offer_model(version)
        registration = self.registration(version, live=live, unsigned=unsigned)
        assert self.registry.register(PROJECT, registration, self.anna).version == version

    def live(self, version: int, endpoint: EndpointRef = DEV) -> Release:
        """Register a version and make it live without a canary."""
        previous = self.registry.aliases(PROJECT).get(endpoint.environment)
        self.register(version, live=previous)
        release = self.releases.propose(
            endpoint, version, self.anna, RolloutPlan(kind="direct", steps=())
        )
        self.settle()
        return self.releases.get(endpoint, release.id)

    def _uses(self, project: ProjectRef, version: int) -> list[VersionUse]:
        return self.releases.uses(project, version)

    def settle(self) -> None:
        for _ in range(10):
            if not self.releases.step():
                return
        raise AssertionError("the releases do not settle")

    def states(self, endpoint: EndpointRef = DEV) -> dict[int, str]:
        return {one.version: one.state for one in self.releases.releases(endpoint)}

    def canary_step(self, errors: int = 0) -> None:
        """Ten seconds of traffic in the shares that the endpoint was told."""
        self.clock.advance(10)
        for version, share in self.endpoints.weights[DEV].items():
            failed = errors if version == 2 else 0
            self.endpoints.serve(DEV, version, round(share * 10), failed)
        self.releases.step()
