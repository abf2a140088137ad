"""An audit that can't write what was done, as when its disk is full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from northstar.database import Database

_FAILS = {
    "sqlite": """CREATE TRIGGER the_disk_is_full BEFORE INSERT ON access_audit
WHEN NEW.outcome = 'done' BEGIN SELECT json('fails, and breaks no constraint'); END""",
    "postgresql": "ALTER TABLE access_audit ADD CONSTRAINT the_disk_is_full"
    " CHECK (outcome <> 'done') NOT VALID",
}
_WORKS_AGAIN = {
    "sqlite": "DROP TRIGGER the_disk_is_full",
    "postgresql": "ALTER TABLE access_audit DROP CONSTRAINT the_disk_is_full",
}


@contextmanager
def failing_audit(database: Database) -> Iterator[None]:
    """No deed can be recorded as long as the block lasts; decisions can."""
    with database.begin() as connection:
        connection.execute(text(_FAILS[connection.dialect.name]))
    yield
    with database.begin() as connection:
        connection.execute(text(_WORKS_AGAIN[connection.dialect.name]))
