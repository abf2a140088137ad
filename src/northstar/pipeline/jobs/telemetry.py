"""What the platform's telemetry says of a job, written in the transaction that changes it."""

from __future__ import annotations

from sqlalchemy import Connection

from northstar.pipeline.jobs.domain import ENDED, Job
from northstar.telemetry import outbox, trace_context

EVENT = "northstar.job"


def emit_queued(connection: Connection, job: Job) -> None:
    """Tell of a new job, with the span above all later ones of it."""
    outbox.emit(
        connection,
        EVENT,
        job.created_at,
        _attributes(job),
        what="job queued",
        context=trace_context.parse(job.traceparent) or trace_context.lasting(),
        parent=trace_context.current(),
    )


def emit_ended(connection: Connection, job: Job) -> None:
    """Tell of a job that has ended, with how long it took; of one that goes on, nothing."""
    if job.state in ENDED and job.ended_at is not None:
        outbox.emit_of(
            connection,
            EVENT,
            job.ended_at,
            _attributes(job),
            what=f"job {job.state}",
            subject=job.traceparent,
            since=job.created_at,
        )


def _attributes(job: Job) -> dict[str, str | int]:
    return {
        "job": job.id,
        "state": job.state,
        "squad": job.squad,
        "project": job.project,
        "environment": job.propose_to or "",
        "version": job.version,
        "new_version": job.new_version or 0,
        "by": job.requested_by,
    }
