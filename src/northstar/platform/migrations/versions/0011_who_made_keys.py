"""Who ever made a credential of a service, as far as the audit knows it

Revision: 0011
Revises: 0010
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_MADE = ("principal:create", "principal:secret", "principal:certificate", "principal:trust")


def upgrade() -> None:
    makers = op.create_table(
        "access_key_makers",
        sa.Column("principal", sa.String(255), primary_key=True),
        sa.Column("maker", sa.String(255), primary_key=True),
    )
    known = sorted(_known())
    if known:
        op.bulk_insert(makers, [{"principal": who, "maker": maker} for who, maker in known])


def downgrade() -> None:
    op.drop_table("access_key_makers")


def _known() -> set[tuple[str, str]]:
    audit = sa.table(
        "access_audit",
        *(sa.column(name) for name in ("principal", "action", "outcome", "detail")),
    )
    made = sa.select(audit).where(audit.c.action.in_(_MADE), audit.c.outcome == "done")
    found = set()
    for row in op.get_bind().execute(made):
        detail = json.loads(row.detail)
        whom = str(detail.get("principal", ""))
        itself = row.principal in (whom, "platform:control")
        if whom.startswith("service:") and not itself and "credential" in detail:
            found.add((whom, str(row.principal)))
    return found
