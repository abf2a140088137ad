"""Trust in tokens that their issuer gives again, and that may therefore be exchanged again

Revision: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    reusable = sa.Column("reusable", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("access_trusts", reusable)


def downgrade() -> None:
    op.drop_column("access_trusts", "reusable")
