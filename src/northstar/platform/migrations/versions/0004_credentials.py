"""Certificates, trusted issuers, organisations' accounts, revocations; keys need no retirement date

Revision: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from northstar.database import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_certificates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("principal", sa.String(length=255), nullable=False),
        sa.Column("thumbprint", sa.String(length=64), nullable=False),
        sa.Column("public_jwk", sa.Text(), nullable=False),
        sa.Column("about", sa.String(length=255), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        _whose("access_certificates"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_certificates")),
        sa.UniqueConstraint(
            "principal", "thumbprint", name=op.f("uq_access_certificates_principal_thumbprint")
        ),
    )
    op.create_index(
        op.f("ix_access_certificates_principal"), "access_certificates", ["principal"], unique=False
    )
    op.create_table(
        "access_trusts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("principal", sa.String(length=255), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("audience", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        _whose("access_trusts"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_trusts")),
        sa.UniqueConstraint(
            "principal",
            "issuer",
            "audience",
            "subject",
            name=op.f("uq_access_trusts_principal_issuer_audience_subject"),
        ),
    )
    op.create_index(
        op.f("ix_access_trusts_principal"), "access_trusts", ["principal"], unique=False
    )
    op.create_table(
        "access_used_assertions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_access_used_assertions")),
    )
    op.create_index(
        op.f("ix_access_used_assertions_expires_at"), "access_used_assertions", ["expires_at"],
        unique=False,
    )  # fmt: skip
    op.create_table(
        "access_accounts",
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("principal", sa.String(length=255), nullable=False),
        sa.Column("display", sa.String(length=255), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        _whose("access_accounts"),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_access_accounts")),
    )
    op.create_index(
        op.f("ix_access_accounts_principal"), "access_accounts", ["principal"], unique=False
    )
    op.create_table(
        "access_revocations",
        sa.Column("principal", sa.String(length=255), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("principal", name=op.f("pk_access_revocations")),
    )
    op.create_index(op.f("ix_access_revocations_at"), "access_revocations", ["at"], unique=False)
    with op.batch_alter_table("access_keys", schema=None) as batch_op:
        batch_op.drop_column("retired_at")


def downgrade() -> None:
    with op.batch_alter_table("access_keys", schema=None) as batch_op:
        batch_op.add_column(sa.Column("retired_at", UtcDateTime(), nullable=True))
    for table in (
        "access_revocations",
        "access_accounts",
        "access_used_assertions",
        "access_trusts",
        "access_certificates",
    ):
        op.drop_table(table)


def _whose(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["principal"],
        ["access_principals.id"],
        name=op.f(f"fk_{table}_principal"),
        ondelete="CASCADE",
    )
