"""The origin of audit entries, and how far they were exported

Revision: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("access_audit", schema=None) as batch_op:
        batch_op.add_column(sa.Column("credential", sa.String(length=255), nullable=True))
        batch_op.add_column(sa.Column("address", sa.String(length=255), nullable=True))
    op.create_table(
        "access_audit_exports",
        sa.Column("target", sa.String(length=63), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("target", name=op.f("pk_access_audit_exports")),
    )


def downgrade() -> None:
    op.drop_table("access_audit_exports")
    with op.batch_alter_table("access_audit", schema=None) as batch_op:
        batch_op.drop_column("address")
        batch_op.drop_column("credential")
