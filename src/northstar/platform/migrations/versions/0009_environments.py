"""Environments, what is reported of them, freezes, and alerts about them

Revision: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from northstar.database import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "environments",
        sa.Column("name", sa.String(20), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("set_by", sa.String(255), nullable=False),
        sa.Column("set_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_environments")),
    )
    op.create_table(
        "environment_reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("environment", sa.String(20), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("succeeded", sa.Boolean(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_environment_reports")),
        sa.UniqueConstraint(
            "environment",
            "kind",
            "at",
            name=op.f("uq_environment_reports_environment_kind_at"),
        ),
    )
    op.create_table(
        "release_freezes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("environment", sa.String(20), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("lifted_by", sa.String(255), nullable=True),
        sa.Column("lifted_at", UtcDateTime(), nullable=True),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_freezes")),
    )
    op.create_index("ix_release_freezes_environment", "release_freezes", ["environment", "ends_at"])
    op.add_column("alerts", sa.Column("environment", sa.String(20), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("alerts") as table:
        table.drop_column("environment")
    op.drop_table("release_freezes")
    op.drop_table("environment_reports")
    op.drop_table("environments")
