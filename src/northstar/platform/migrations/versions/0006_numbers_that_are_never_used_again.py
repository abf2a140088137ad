"""Secrets name their number, sessions know how old their proof is; numbers are never used again

Secrets and sessions of before end here: the form of both has changed.

Revision: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from northstar.database import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_NUMBERED = (
    "access_role_assignments",
    "access_certificates",
    "access_trusts",
    "access_elevations",
)


def upgrade() -> None:
    op.drop_table("access_secrets")
    _create_secrets(never_again=True)
    op.execute("DELETE FROM access_sessions")
    with op.batch_alter_table("access_sessions") as table:
        table.add_column(sa.Column("issued_at", UtcDateTime(), nullable=False))
    _number(never_again=True)


def downgrade() -> None:
    _number(never_again=False)
    with op.batch_alter_table("access_sessions") as table:
        table.drop_column("issued_at")
    op.drop_table("access_secrets")
    _create_secrets(never_again=False)


def _number(*, never_again: bool) -> None:
    """PostgreSQL gives no number twice; SQLite doesn't if a table is made so."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for name in _NUMBERED:
        kept = {"sqlite_autoincrement": never_again}
        with op.batch_alter_table(name, recreate="always", table_kwargs=kept):
            pass


def _create_secrets(*, never_again: bool) -> None:
    op.create_table(
        "access_secrets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("principal", sa.String(length=255), nullable=False),
        sa.Column("label", sa.String(length=63), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["principal"],
            ["access_principals.id"],
            name=op.f("fk_access_secrets_principal"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_secrets")),
        sqlite_autoincrement=never_again,
    )
    op.create_index(op.f("ix_access_secrets_principal"), "access_secrets", ["principal"])
