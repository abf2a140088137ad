"""Who started the process that a secret was made for

Revision: 0011
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("access_secrets", sa.Column("started_by", sa.String(255), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("access_secrets") as table:
        table.drop_column("started_by")
