"""Who started the process that a secret was made for

Revision: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("access_secrets", sa.Column("started_by", sa.String(255), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("access_secrets") as table:
        table.drop_column("started_by")
