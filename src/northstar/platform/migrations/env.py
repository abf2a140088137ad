"""Alembic's entry: migrates over the connection that ``northstar.platform.schema`` hands in."""

from __future__ import annotations

from alembic import context

import northstar.platform.tables  # noqa: F401 - defines every table on the metadata
from northstar.database import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
