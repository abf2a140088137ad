"""What one domain needs of another against the arrows, as small adapters that wiring hands in."""

from __future__ import annotations

from pathlib import Path

from northstar.access.domain import Principal
from northstar.access.service import AccessService
from northstar.monitoring.actions import RetrainOrder, RollbackOrder
from northstar.names import EndpointRef, EnvironmentName, ProjectRef
from northstar.pipeline.jobs.domain import ENDED, JobRequest
from northstar.pipeline.jobs.service import JobService
from northstar.registry.service import RegistryService
from northstar.release.domain import CANARY, RolloutPlan
from northstar.release.service import ReleaseService

JOBS = Principal(id="platform:jobs", kind="platform", name="jobs")
MONITOR = Principal(id="platform:monitor", kind="platform", name="monitor")

SOURCE_ARTIFACT = "northstar/source.tar.gz"


class JobPlatform:
    """What a job needs: the source to run, somebody to be, and a release to propose."""

    def __init__(
        self, registry: RegistryService, access: AccessService, releases: ReleaseService, url: str
    ) -> None:
        self._registry = registry
        self._access = access
        self._releases = releases
        self._url = url

    def source(self, project: ProjectRef, version: int) -> Path:
        record = self._registry.get(project, version)
        return self._registry.download_run_artifact(project, record.run_id, SOURCE_ARTIFACT)

    def environment(self, project: ProjectRef, started_by: str) -> dict[str, str]:
        secret = self._access.run_identity(project, started_by)
        return {
            "NORTHSTAR_URL": self._url,
            "NORTHSTAR_CLIENT_ID": secret.client_id,
            "NORTHSTAR_CLIENT_SECRET": secret.client_secret,
        }

    def withdraw(self, project: ProjectRef) -> None:
        self._access.end_run_identity(project)

    def propose(
        self,
        project: ProjectRef,
        environment: EnvironmentName,
        version: int,
        reason: str,
        asked_by: str,
    ) -> str:
        endpoint = EndpointRef(project.squad, project.project, environment)
        plan = self._usual_plan(endpoint)
        release = self._releases.propose(endpoint, version, JOBS, plan, reason, asked_by)
        return f"Version {version} is registered; release {release.id} is {release.state}."

    def _usual_plan(self, endpoint: EndpointRef) -> RolloutPlan:
        """As people asked for the live version's rollout, if that was a canary."""
        for known in self._releases.releases(endpoint):
            if known.state == "live" and known.plan.kind == "canary":
                return known.plan
        return CANARY


class MonitorActions:
    """What an alert may lead to: a retraining or a rollback."""

    def __init__(self, jobs: JobService, releases: ReleaseService) -> None:
        self._jobs = jobs
        self._releases = releases

    def retrain(self, order: RetrainOrder) -> str:
        """Queue a retraining, unless one for the endpoint is under way."""
        project = order.endpoint.project_ref
        for known in self._jobs.of_project(project):
            if known.state not in ENDED and known.propose_to == order.endpoint.environment:
                return f"job {known.id}, which is retraining already"
        request = JobRequest(
            version=order.version,
            data_from=order.data_from,
            data_until=order.data_until,
            propose_to=order.endpoint.environment,
            reason=order.reason,
        )
        return f"job {self._jobs.create(project, request, MONITOR.id, order.key).id}"

    def rollback(self, order: RollbackOrder) -> str:
        """Take a version back, unless it serves no more."""
        for release in self._releases.releases(order.endpoint):
            if release.version == order.version and release.state in ("live", "rolling-out"):
                done = self._releases.rollback(order.endpoint, order.reason, MONITOR)
                return f"release {done.id} is {done.state}"
        return f"nothing to take back: version {order.version} serves no more"
