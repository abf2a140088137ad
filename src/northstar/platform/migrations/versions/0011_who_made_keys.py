"""Who ever made a credential of a service

Revision: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_key_makers",
        sa.Column("principal", sa.String(255), primary_key=True),
        sa.Column("maker", sa.String(255), primary_key=True),
    )


def downgrade() -> None:
    op.drop_table("access_key_makers")
