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

from northstar.access.audit_checkpoints import Checkpoints
from northstar.access.audit_export import AuditExport
from northstar.access.azure_monitor import AzureMonitorAudit
from northstar.access.decisions import policy_book
from northstar.access.elevation.service import ElevationService
from northstar.access.guard import Guard
from northstar.access.mlflow_app import LazyMlflow, load_mlflow
from northstar.access.mlflow_door import MlflowDoor
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
from northstar.platform.loops import Loop, Loops
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
    clock, telemetry = clock or SystemClock(), telemetry or QuietTelemetry()
    book = policy_book(settings.policies)
    storage = Storage(settings, clock)
    database = Database(settings.database_url)
    migrate(database)
    access = AccessService(
        database,
        clock,
        settings.url,
        Checkpoints(settings.state / "audit" / "checkpoints.jsonl"),
        book,
        Sealer(settings.encryption_keys()),
    )
    mlflow = MlflowRest(f"{settings.url}/mlflow", access.platform_token)
    projects = ProjectService(ProjectStore(database), mlflow, clock)

    def uses(project: ProjectRef, version: int) -> list[VersionUse]:
        return releases.uses(project, version)  # releases are built on the registry, below

    registry = RegistryService(
        database,
        mlflow,
        storage.models,
        settings.state / "downloads",
        clock,
        uses,
        projects,
    )
    standards = StandardsService(registry, ParameterStore(database, clock))
    endpoints = EndpointService(
        database,
        clock,
        model_archive=registry.model_archive,
        access=lambda endpoint: _endpoint_access(access, endpoint),
        capture=storage.capture_spec,
    )
    freezes = FreezeService(database, clock, projects, access)
    releases = _releases(database, clock, registry, standards, endpoints, access, freezes)
    isolation = choose_isolation(settings.isolation, os.environ)
    platform = JobPlatform(registry, access, releases, settings.url)
    jobs = _jobs(settings, database, clock, isolation, platform)
    monitoring = MonitoringService(
        database,
        storage.captures(endpoints.endpoints),
        registry,
        MonitorActions(jobs, releases),
        HttpWebhooks(),
        clock,
        settings.alert_webhook,
    )
    environments = EnvironmentService(database, clock, monitoring)
    supervisor = _supervisor(settings, database, clock, endpoints, access, isolation)
    steps = {
        "release": releases.step,
        "supervisor": supervisor.step,
        "monitoring": counted(telemetry.instruments, monitoring.step),
        "jobs": jobs.step,
        **storage.loops(),
        **_collecting(settings, isolation, endpoints, supervisor),
    }
    rarely: dict[str, Callable[[], object]] = {
        "audit": access.audit.watch,
        "environments": environments.step,
        "signing-keys": lambda: access.tokens.keys.rotate_when_older(_SIGNING_KEYS_LAST),
    }
    backlogs = _backlogs(settings, database, clock, access, telemetry)
    rarely |= {name: backlog.step for name, backlog in backlogs.items()}
    lazy_mlflow = LazyMlflow(
        settings.mlflow_database_url,
        storage.mlflow_artifacts,
        load=lambda url, artifacts: _load_mlflow(database, url, artifacts),
    )
    return Platform(
        settings=settings,
        storage=storage,
        database=database,
        guard=Guard(access),
        access=access,
        sign_in=SignIn(access, clock, settings.sign_in) if settings.sign_in else None,
        elevations=ElevationService(database, clock, access),
        projects=projects,
        registry=registry,
        standards=standards,
        endpoints=endpoints,
        releases=releases,
        environments=environments,
        freezes=freezes,
        monitoring=monitoring,
        jobs=jobs,
        isolation=isolation,
        supervisor=supervisor,
        loops=_loops(steps, rarely, database, clock, telemetry),
        backlogs=backlogs,
        telemetry=telemetry,
        mlflow=lazy_mlflow,
        mlflow_door=MlflowDoor(lazy_mlflow, access, RegisteredVersions(database)),
        mlflow_rest=mlflow,
    )


def holds(freezes: FreezeService) -> Holds:
    """What releases ask about freezes."""

    def hold(endpoint: EndpointRef) -> Hold | None:
        freeze = freezes.holding(endpoint)
        return Hold(reason=freeze.told, way_out=way_out(freeze, endpoint)) if freeze else None

    return hold


def _releases(
    database: Database,
    clock: Clock,
    registry: RegistryService,
    standards: StandardsService,
    endpoints: EndpointService,
    access: AccessService,
    freezes: FreezeService,
) -> ReleaseService:
    held = holds(freezes)
    return ReleaseService(database, clock, registry, standards, endpoints, endpoints, access, held)


def _jobs(
    settings: Settings,
    database: Database,
    clock: Clock,
    isolation: Isolation,
    platform: JobPlatform,
) -> JobService:
    executor = LocalExecutor(isolation)
    return JobService(JobStore(database), executor, isolation, platform, settings.jobs, clock)


def _supervisor(
    settings: Settings,
    database: Database,
    clock: Clock,
    endpoints: EndpointService,
    access: AccessService,
    isolation: Isolation,
) -> Supervisor:
    return Supervisor(
        database,
        clock,
        endpoints,
        identity=lambda endpoint: _endpoint_identity(access, endpoint),
        url=settings.url,
        isolation=isolation,
        folder=settings.endpoints,
        captures=None if isolation.protection == "isolated" else settings.captures,
    )


def _collecting(
    settings: Settings, isolation: Isolation, endpoints: EndpointService, supervisor: Supervisor
) -> _Steps:
    """Endpoints that are kept apart can't bring their captures themselves."""
    if isolation.protection != "isolated":
        return {}
    stores = SquadStores(settings.places.captures)
    return {"collecting": Collector(endpoints.endpoints, supervisor.state_path, stores).step}


def _backlogs(
    settings: Settings,
    database: Database,
    clock: Clock,
    access: AccessService,
    telemetry: Telemetry,
) -> dict[str, Backlog]:
    backlogs: dict[str, Backlog] = {"events": Outbox(database, telemetry, clock)}
    if settings.azure_monitor:
        wanted = settings.azure_identity
        credential = None if wanted is None else azure_credential(wanted)
        target = AzureMonitorAudit(settings.azure_monitor, credential)
        backlogs["audit-export"] = AuditExport(database, access.audit, target)
    return backlogs


def _loops(
    steps: _Steps, rarely: _Steps, database: Database, clock: Clock, telemetry: Telemetry
) -> Loops:
    lease = Lease(database, clock, "loops", _replica_name())
    often = [Loop(name, step, _PAUSE_SECONDS) for name, step in steps.items()]
    seldom = [Loop(name, step, _LONG_PAUSE_SECONDS) for name, step in rarely.items()]
    return Loops([*often, *seldom], lease, clock, telemetry)


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
