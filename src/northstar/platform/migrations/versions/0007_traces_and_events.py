"""Traces of jobs, and events that wait to be delivered

Revision: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from northstar.database import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "telemetry_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_telemetry_events")),
    )
    op.add_column(
        "jobs", sa.Column("traceparent", sa.String(55), server_default="", nullable=False)
    )


def downgrade() -> None:
    with op.batch_alter_table("jobs") as table:
        table.drop_column("traceparent")
    op.drop_table("telemetry_events")
