"""What one domain needs of another against the arrows, as small adapters that wiring hands in."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from northstar.access.domain import Principal
from northstar.access.service import AccessService
from northstar.errors import Conflict, NotFound
from northstar.names import EndpointRef, EnvironmentName, ProjectRef
from northstar.pipeline.jobs.domain import ENDED, JobRequest
from northstar.pipeline.jobs.service import JobService
from northstar.registry.service import RegistryService
from northstar.release.domain import RolloutPlan
from northstar.release.service import ReleaseService

JOBS = Principal(id="platform:jobs", kind="platform", name="jobs")
MONITOR = Principal(id="platform:monitor", kind="platform", name="monitor")

SOURCE_ARTIFACT = "northstar/source.tar.gz"
_RUN_TOKEN_SECONDS = 6 * 3600


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

    def environment(self, project: ProjectRef) -> dict[str, str]:
        token = self._access.run_token(project, _RUN_TOKEN_SECONDS)
        return {"NORTHSTAR_URL": self._url, "NORTHSTAR_TOKEN": token}

    def propose(
        self, project: ProjectRef, environment: EnvironmentName, version: int, reason: str
    ) -> str:
        endpoint = EndpointRef(project.squad, project.project, environment)
        release = self._releases.propose(
            endpoint, version, JOBS, RolloutPlan(kind="canary"), note=reason
        )
        return f"Version {version} is registered; release {release.id} is {release.state}."


class MonitorActions:
    """What an alert may lead to: a retraining or a rollback.

    Each does nothing when what is asked for is under way already, so that the monitor may ask
    again after having been killed.
    """

    def __init__(self, jobs: JobService, releases: ReleaseService) -> None:
        self._jobs = jobs
        self._releases = releases

    def retrain(
        self, endpoint: EndpointRef, version: int, reason: str, until: datetime, days: float
    ) -> str:
        """Queue a retraining on the ``days`` before ``until``; return what was done."""
        project = endpoint.project_ref
        for job in self._jobs.of_project(project):
            if job.state not in ENDED and job.propose_to == endpoint.environment:
                return f"Job {job.id} is retraining already."
        job = self._jobs.create(
            project,
            JobRequest(
                version=version,
                data_from=until - timedelta(days=days),
                data_until=until,
                propose_to=endpoint.environment,
                reason=reason,
            ),
            MONITOR.id,
        )
        return f"Job {job.id} retrains on the {days:g} days before {until:%Y-%m-%d}."

    def rollback(self, endpoint: EndpointRef, reason: str) -> str:
        """Return the traffic to the version before; return what was done."""
        try:
            release = self._releases.rollback(endpoint, reason, MONITOR)
        except (Conflict, NotFound) as error:
            return f"Nothing to roll back to: {error.message}"
        return f"Release {release.id} is {release.state}."
