"""Routes of jobs."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel

from northstar.access.guard import Guard, caller
from northstar.names import ProjectRef
from northstar.pipeline.jobs.domain import Job, JobRequest
from northstar.pipeline.jobs.service import JobService


class JobWithLog(BaseModel):
    """A job and the end of its log."""

    job: Job
    log: str


def router(service: JobService, guard: Guard) -> APIRouter:
    """Ask for a job, list them, look at one."""
    routes = APIRouter(prefix="/api/squads/{squad}/projects/{project}/jobs", tags=["jobs"])

    @routes.post("", status_code=202, dependencies=[guard("job:create")])
    def create(squad: str, project: str, body: JobRequest, request: Request) -> Job:
        return service.create(ProjectRef(squad, project), body, caller(request).id)

    @routes.get("", dependencies=[guard("job:read")])
    def jobs(squad: str, project: str) -> list[Job]:
        return service.of_project(ProjectRef(squad, project))

    @routes.get("/{job}", dependencies=[guard("job:read")])
    def job(squad: str, project: str, job: int) -> JobWithLog:
        ref = ProjectRef(squad, project)
        return JobWithLog(job=service.get(ref, job), log=service.log(ref, job))

    return routes
