"""The traces of findings

Revision: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("findings", sa.Column("traces", sa.JSON(), server_default="[]", nullable=False))
    with op.batch_alter_table("monitored_windows") as table:
        table.drop_column("days")  # the profile says it


def downgrade() -> None:
    with op.batch_alter_table("monitored_windows") as table:
        table.add_column(sa.Column("days", sa.Integer(), server_default="0", nullable=False))
    with op.batch_alter_table("findings") as table:
        table.drop_column("traces")
