"""The table of findings; all functions work in the caller's transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
)

from northstar.database import UtcDateTime, metadata
from northstar.monitoring.domain import FindingRecord
from northstar.names import EndpointRef

findings = Table(
    "findings",
    metadata,
    Column("endpoint_id", ForeignKey("monitored_endpoints.id"), primary_key=True),
    Column("key", String(400), primary_key=True),
    Column("version", Integer),
    Column("window", Integer),
    Column("window_start", UtcDateTime),
    Column("window_end", UtcDateTime),
    Column("kind", String(20), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("message", Text, nullable=False),
    Column("value", Float),
    Column("limit", Float),
    Column("found_at", UtcDateTime, nullable=False),
    Column("traces", JSON, nullable=False, server_default="[]"),
)


def replace_findings(
    connection: Connection,
    endpoint_id: int,
    version: int,
    number: int,
    kinds: set[str],
    found: list[FindingRecord],
) -> None:
    """Make ``found`` the findings of these kinds of one window."""
    connection.execute(
        delete(findings)
        .where(findings.c.endpoint_id == endpoint_id, findings.c.version == version)
        .where(findings.c.window == number, findings.c.kind.in_(kinds))
    )
    for finding in found:
        add_finding(connection, endpoint_id, finding)


def add_finding(connection: Connection, endpoint_id: int, finding: FindingRecord) -> None:
    """Write one finding."""
    values = finding.model_dump(exclude={"endpoint"})
    connection.execute(insert(findings).values(endpoint_id=endpoint_id, key=finding.key, **values))


def windows_with_findings(
    connection: Connection, endpoint_id: int, version: int, kind: str
) -> set[int]:
    """Numbers of a version's windows that have findings of a kind."""
    rows = connection.execute(
        select(findings.c.window)
        .where(findings.c.endpoint_id == endpoint_id, findings.c.version == version)
        .where(findings.c.kind == kind)
    )
    return {number for (number,) in rows}


def list_findings(
    connection: Connection, endpoint_id: int, ref: EndpointRef, since: datetime | None = None
) -> list[FindingRecord]:
    """An endpoint's findings by window; those of segments come last.

    Args:
        since: leaves out windows that ended before.
    """
    wanted = (
        select(findings)
        .where(findings.c.endpoint_id == endpoint_id)
        .order_by(
            findings.c.window_end.is_(None),
            findings.c.window_end,
            findings.c.version,
            findings.c.kind,
            findings.c.subject,
        )
    )
    if since is not None:
        wanted = wanted.where(findings.c.window_end.is_(None) | (findings.c.window_end >= since))
    return [
        FindingRecord.model_validate({**row._mapping, "endpoint": str(ref)})
        for row in connection.execute(wanted)
    ]
