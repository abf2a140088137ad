"""The SDK's view of jobs."""

from __future__ import annotations

from northstar.connection import Connection
from northstar.names import ProjectRef
from northstar.pipeline.jobs.domain import Job, JobRequest


class JobClient:
    """Jobs of a project, over the HTTP API."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(self, project: ProjectRef, request: JobRequest) -> Job:
        """Ask for a job; raises ``Denied``."""
        body = request.model_dump(mode="json")
        return Job.model_validate(self._connection.post(f"{project.path}/jobs", body))

    def of_project(self, project: ProjectRef) -> list[Job]:
        """The project's jobs, newest first."""
        return [Job.model_validate(job) for job in self._connection.get(f"{project.path}/jobs")]

    def get(self, project: ProjectRef, job: int) -> tuple[Job, str]:
        """One job and the end of its log; raises ``NotFound``."""
        answer = self._connection.get(f"{project.path}/jobs/{job}")
        return Job.model_validate(answer["job"]), str(answer["log"])
