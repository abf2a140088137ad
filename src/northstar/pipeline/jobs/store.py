"""The jobs table."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Integer, Row, String, Table, Text, insert, select, update

from northstar.database import Database, UtcDateTime, metadata
from northstar.names import ProjectRef
from northstar.pipeline.jobs.domain import ENDED, Job, JobRequest
from northstar.pipeline.jobs.telemetry import emit_ended, emit_queued

jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("squad", String(63), nullable=False),
    Column("project", String(63), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("data_from", UtcDateTime),
    Column("data_until", UtcDateTime),
    Column("propose_to", String(16)),
    Column("reason", Text, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("requested_by", String(255), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("new_version", Integer),
    Column("message", Text, nullable=False),
    Column("key", String(255), unique=True),
    Column("traceparent", String(55), nullable=False, default=""),
)


class JobStore:
    """Jobs in the control plane's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, project: ProjectRef, request: JobRequest, **facts: Any) -> Job:
        """Write a new, queued job, or find the one that was written for the same ``key``."""
        values = {
            **request.model_dump(include=set(JobRequest.model_fields)),
            "squad": project.squad,
            "project": project.project,
            "state": "queued",
            "attempts": 0,
            "message": "",
            **facts,
        }
        with self._database.begin() as connection:
            if key := facts.get("key"):
                known = connection.execute(select(jobs).where(jobs.c.key == key)).first()
                if known:
                    return _job(known)
            job = _job(connection.execute(insert(jobs).values(**values).returning(jobs)).one())
            emit_queued(connection, job)
            return job

    def change(self, job: int, **facts: Any) -> None:
        """Write what has become known of a job."""
        with self._database.begin() as connection:
            changed = update(jobs).where(jobs.c.id == job).values(**facts).returning(jobs)
            emit_ended(connection, _job(connection.execute(changed).one()))

    def get(self, project: ProjectRef, job: int) -> Job | None:
        """One job of a project."""
        wanted = select(jobs).where(
            jobs.c.id == job, jobs.c.squad == project.squad, jobs.c.project == project.project
        )
        with self._database.read() as connection:
            row = connection.execute(wanted).first()
            return _job(row) if row else None

    def of_project(self, project: ProjectRef, limit: int = 200) -> list[Job]:
        """A project's jobs, newest first."""
        wanted = (
            select(jobs)
            .where(jobs.c.squad == project.squad, jobs.c.project == project.project)
            .order_by(jobs.c.id.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return [_job(row) for row in connection.execute(wanted)]

    def not_ended(self) -> list[Job]:
        """Every job that still wants a step, oldest first."""
        wanted = select(jobs).where(jobs.c.state.not_in(ENDED)).order_by(jobs.c.id)
        with self._database.read() as connection:
            return [_job(row) for row in connection.execute(wanted)]


def _job(row: Row[Any]) -> Job:
    return Job.model_validate(dict(row._mapping))
