"""The one module that ties real adapters together; read it to see who needs whom."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from starlette.types import ASGIApp

from northstar.access.audit.azure_monitor import AzureMonitorAudit
from northstar.access.audit.checkpoints import Checkpoints
from northstar.access.audit.export import AuditExport
from northstar.access.decisions import policy_book
from northstar.access.elevation.service import ElevationService
from northstar.access.guard import Guard
from northstar.access.mlflow.app import LazyMlflow, load_mlflow
from northstar.access.mlflow.door import MlflowDoor
from northstar.access.rate_limits import RateLimits
from northstar.access.sealing import Sealer
from northstar.access.service import AccessService
from northstar.access.sign_in.service import SignIn
from northstar.access.tokens import ENDPOINT_TOKEN_SECONDS
from northstar.clock import Clock, SystemClock
from northstar.database import Database
from northstar.environments.freeze_service import FreezeService, way_out
from northstar.environments.service import EnvironmentService
from northstar.isolation.interface import Isolation
from northstar.isolation.settings import choose_isolation
from northstar.monitoring.service import MonitoringService
from northstar.monitoring.webhook import HttpWebhooks
from northstar.names import EndpointRef, ProjectRef
from northstar.pipeline.jobs.executor import LocalExecutor
from northstar.pipeline.jobs.service import JobService
from northstar.pipeline.jobs.store import JobStore
from northstar.platform.adapters import JobPlatform, MonitorActions
from northstar.platform.lease import Lease
from northstar.platform.loops import Group, Loop, Loops
from northstar.platform.measures import Backlog, counted
from northstar.platform.schema import migrate, one_replica_at_a_time
from northstar.platform.settings import Settings
from northstar.platform.storage import Storage
from northstar.project.service import ProjectService
from northstar.project.store import ProjectStore
from northstar.registry.domain import VersionUse
from northstar.registry.mlflow_rest import MlflowRest
from northstar.registry.protection import RegisteredVersions
from northstar.registry.service import RegistryService
from northstar.release.domain import Hold
from northstar.release.rollout import Holds
from northstar.release.service import ReleaseService
from northstar.serving.collecting import Collector
from northstar.serving.domain import AccessSpec
from northstar.serving.service import EndpointService
from northstar.serving.supervisor import Identity, Supervisor
from northstar.standards.service import StandardsService
from northstar.standards.store import ParameterStore
from northstar.storage.places import SquadStores
from northstar.telemetry.azure_identity import azure_credential
from northstar.telemetry.interface import Telemetry
from northstar.telemetry.outbox import Outbox
from northstar.telemetry.quiet import QuietTelemetry

_Steps = Mapping[str, Callable[[], object]]
_PAUSE_SECONDS = 0.5
_LONG_PAUSE_SECONDS = 10.0
_SIGNING_KEYS_LAST = timedelta(days=30)


@dataclass(frozen=True)
class Platform:
    """The assembled control plane: every domain's service, and the loops that drive them."""

    settings: Settings
    storage: Storage
    database: Database
    guard: Guard
    access: AccessService
    sign_in: SignIn | None
    elevations: ElevationService
    projects: ProjectService
    registry: RegistryService
    standards: StandardsService
    endpoints: EndpointService
    releases: ReleaseService
    environments: EnvironmentService
    freezes: FreezeService
    monitoring: MonitoringService
    jobs: JobService
    isolation: Isolation
    supervisor: Supervisor
    loops: Loops
    backlogs: Mapping[str, Backlog]
    telemetry: Telemetry
    mlflow: LazyMlflow
    mlflow_door: MlflowDoor
    mlflow_rest: MlflowRest

    def close(self) -> None:
        """Release sockets and database connections; endpoints and jobs stay as they are."""
        self.telemetry.close()
        self.mlflow_rest.close()
        self.database.close()


def build(
    settings: Settings, clock: Clock | None = None, telemetry: Telemetry | None = None
) -> Platform:
    """Bring the database to the present version and assemble everything; starts nothing.

    Raises ``Invalid`` for a policy of the platform team's that doesn't fit, with file and line,
    and for the address of a store that cannot work.
    """
    ground = _ground(settings, clock or SystemClock(), telemetry or QuietTelemetry())
    road = _road(ground)
    code = _squads_code(ground, road)
    monitoring = _monitoring(ground, road, code.jobs)
    environments = EnvironmentService(
        ground.database, ground.clock, ground.access.audit, monitoring
    )
    backlogs = _backlogs(ground)
    mlflow = _mlflow(ground)
    return Platform(
        settings=settings,
        storage=ground.storage,
        database=ground.database,
        guard=Guard(ground.access),
        access=ground.access,
        sign_in=_sign_in(ground),
        elevations=ElevationService(ground.database, ground.clock, ground.access),
        projects=road.projects,
        registry=road.registry,
        standards=road.standards,
        endpoints=road.endpoints,
        releases=road.releases,
        environments=environments,
        freezes=road.freezes,
        monitoring=monitoring,
        jobs=code.jobs,
        isolation=code.isolation,
        supervisor=code.supervisor,
        loops=_loops(ground, road, code, monitoring, environments, backlogs),
        backlogs=backlogs,
        telemetry=ground.telemetry,
        mlflow=mlflow,
        mlflow_door=MlflowDoor(mlflow, ground.access, RegisteredVersions(ground.database)),
        mlflow_rest=road.mlflow,
    )


def holds(freezes: FreezeService) -> Holds:
    """What releases ask about freezes."""

    def hold(endpoint: EndpointRef) -> Hold | None:
        freeze = freezes.holding(endpoint)
        return Hold(reason=freeze.told, way_out=way_out(freeze, endpoint)) if freeze else None

    return hold


@dataclass(frozen=True)
class _Ground:
    """What everything stands on."""

    settings: Settings
    clock: Clock
    telemetry: Telemetry
    storage: Storage
    database: Database
    access: AccessService
    mlflow: MlflowRest
    projects: ProjectService


def _ground(settings: Settings, clock: Clock, telemetry: Telemetry) -> _Ground:
    book = policy_book(settings.policies)
    storage = Storage(settings, clock)
    database = Database(settings.database_url)
    migrate(database)

    def own_token() -> str:
        return access.platform_token()  # access asks for squads and projects, below

    mlflow = MlflowRest(f"{settings.url}/mlflow", own_token)
    projects = ProjectService(ProjectStore(database), mlflow, clock)
    access = AccessService(
        database,
        clock,
        settings.url,
        Checkpoints(settings.state / "audit" / "checkpoints.jsonl"),
        book,
        Sealer(settings.encryption_keys()),
        RateLimits(store=settings.rate_limit_store, clock=clock),
        projects.require,
    )
    return _Ground(settings, clock, telemetry, storage, database, access, mlflow, projects)


@dataclass(frozen=True)
class _Road:
    """The way of a version: registered, held to standards, released, served."""

    mlflow: MlflowRest
    projects: ProjectService
    registry: RegistryService
    standards: StandardsService
    endpoints: EndpointService
    freezes: FreezeService
    releases: ReleaseService


def _road(ground: _Ground) -> _Road:
    database, clock, access = ground.database, ground.clock, ground.access
    mlflow, projects = ground.mlflow, ground.projects

    def uses(project: ProjectRef, version: int) -> list[VersionUse]:
        return releases.uses(project, version)  # releases are built on the registry, below

    registry = RegistryService(
        database,
        mlflow,
        ground.storage.models,
        ground.settings.state / "downloads",
        clock,
        uses,
        projects,
    )
    standards = StandardsService(registry, ParameterStore(database, clock, access.audit))
    endpoints = EndpointService(
        database,
        clock,
        model_archive=registry.model_archive,
        access=lambda endpoint: _endpoint_access(access, endpoint),
        capture=ground.storage.capture_spec,
    )
    freezes = FreezeService(database, clock, projects, access)
    releases = ReleaseService(
        database, clock, registry, standards, endpoints, endpoints, access, holds(freezes)
    )
    return _Road(mlflow, projects, registry, standards, endpoints, freezes, releases)


@dataclass(frozen=True)
class _SquadsCode:
    """What runs squads' code on this machine, and keeps it apart."""

    isolation: Isolation
    jobs: JobService
    supervisor: Supervisor


def _squads_code(ground: _Ground, road: _Road) -> _SquadsCode:
    settings, access = ground.settings, ground.access
    isolation = choose_isolation(settings.isolation, os.environ)
    jobs = JobService(
        JobStore(ground.database),
        LocalExecutor(isolation),
        isolation,
        JobPlatform(road.registry, access, road.releases, settings.url),
        settings.jobs,
        ground.clock,
    )
    supervisor = Supervisor(
        ground.database,
        ground.clock,
        road.endpoints,
        identity=lambda endpoint: _endpoint_identity(access, endpoint),
        url=settings.url,
        isolation=isolation,
        folder=settings.endpoints,
        captures=None if isolation.protection == "isolated" else settings.captures,
    )
    return _SquadsCode(isolation, jobs, supervisor)


def _monitoring(ground: _Ground, road: _Road, jobs: JobService) -> MonitoringService:
    return MonitoringService(
        ground.database,
        ground.storage.captures(road.endpoints.endpoints),
        road.registry,
        MonitorActions(jobs, road.releases),
        HttpWebhooks(),
        ground.clock,
        ground.settings.alert_webhook,
    )


def _backlogs(ground: _Ground) -> dict[str, Backlog]:
    settings, database = ground.settings, ground.database
    backlogs: dict[str, Backlog] = {"events": Outbox(database, ground.telemetry, ground.clock)}
    if settings.azure_monitor:
        wanted = settings.azure_identity
        credential = None if wanted is None else azure_credential(wanted)
        target = AzureMonitorAudit(settings.azure_monitor, credential)
        backlogs["audit-export"] = AuditExport(database, ground.access.audit, target)
    return backlogs


def _mlflow(ground: _Ground) -> LazyMlflow:
    return LazyMlflow(
        ground.settings.mlflow_database_url,
        ground.storage.mlflow_artifacts,
        load=lambda url, artifacts: _load_mlflow(ground.database, url, artifacts),
    )


def _sign_in(ground: _Ground) -> SignIn | None:
    wanted = ground.settings.sign_in
    return SignIn(ground.access, ground.clock, wanted) if wanted else None


def _loops(
    ground: _Ground,
    road: _Road,
    code: _SquadsCode,
    monitoring: MonitoringService,
    environments: EnvironmentService,
    backlogs: Mapping[str, Backlog],
) -> Loops:
    """The platform's own loops, and those for squads' code that this server is to run."""
    keys = ground.access.tokens.keys
    often: _Steps = {
        "release": road.releases.step,
        "monitoring": counted(ground.telemetry.instruments, monitoring.step),
        **ground.storage.loops(),
    }
    rarely: _Steps = {
        "audit": ground.access.audit.watch,
        "environments": environments.step,
        "signing-keys": lambda: keys.rotate_when_older(_SIGNING_KEYS_LAST),
        **{name: backlog.step for name, backlog in backlogs.items()},
    }
    of_squads: dict[str, _Steps] = {
        "jobs": {"jobs": code.jobs.step},
        "endpoints": {"supervisor": code.supervisor.step, **_collecting(ground, road, code)},
    }
    holder = _replica_name()

    def group(lease: str, loops: list[Loop]) -> Group:
        return Group(Lease(ground.database, ground.clock, lease, holder), loops)

    own = group("loops", _paced(often, _PAUSE_SECONDS) + _paced(rarely, _LONG_PAUSE_SECONDS))
    here = sorted(of_squads.keys() - ground.settings.elsewhere)
    groups = [own, *(group(kind, _paced(of_squads[kind], _PAUSE_SECONDS)) for kind in here)]
    return Loops(groups, ground.clock, ground.telemetry)


def _collecting(ground: _Ground, road: _Road, code: _SquadsCode) -> _Steps:
    """Endpoints that are kept apart can't bring their captures themselves."""
    if code.isolation.protection != "isolated":
        return {}
    stores = SquadStores(ground.settings.places.captures)
    collector = Collector(road.endpoints.endpoints, code.supervisor.state_path, stores)
    return {"collecting": collector.step}


def _paced(steps: _Steps, pause_seconds: float) -> list[Loop]:
    return [Loop(name, step, pause_seconds) for name, step in steps.items()]


def _endpoint_access(access: AccessService, endpoint: EndpointRef) -> AccessSpec:
    return AccessSpec(
        issuer=access.tokens.issuer,
        audience=str(endpoint),
        jwks=access.tokens.keys.jwks(),
        revoked=access.directory.revoked_within(ENDPOINT_TOKEN_SECONDS),
    )


def _endpoint_identity(access: AccessService, endpoint: EndpointRef) -> Identity:
    secret = access.endpoint_identity(endpoint)
    return Identity(secret.client_id, secret.client_secret)


def _load_mlflow(database: Database, url: str, artifacts: Path | str) -> ASGIApp:
    with one_replica_at_a_time(database):
        return load_mlflow(url, artifacts)


def _replica_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
