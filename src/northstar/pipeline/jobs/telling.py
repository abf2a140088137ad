"""What the platform's telemetry says of a job, written in the transaction that ends it."""

from __future__ import annotations

from sqlalchemy import Connection

from northstar.pipeline.jobs.domain import ENDED, Job
from northstar.telemetry import outbox, trace_context

EVENT = "northstar.job"


def tell(connection: Connection, job: Job) -> None:
    """Tell of a job that has ended; of one that goes on, nothing."""
    if job.state not in ENDED or job.ended_at is None:
        return
    outbox.tell(
        connection,
        EVENT,
        job.ended_at,
        {
            "job": job.id,
            "state": job.state,
            "squad": job.squad,
            "project": job.project,
            "version": job.version,
            "new_version": job.new_version or 0,
            "by": job.requested_by,
        },
        what="job",
        context=trace_context.parse(job.traceparent) or trace_context.lasting(),
        since=job.created_at,
    )
