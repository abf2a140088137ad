"""The control plane's database: one metadata, UTC times, and a transaction at a time.

Tables are defined by the ``store.py`` of the domain that owns them, on the ``metadata`` here.
The schema itself is made by the migrations in ``northstar.platform.migrations`` only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, DateTime, MetaData, TypeDecorator, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DataError

from northstar.errors import Invalid

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware moment; SQLite, which knows no zones, stores it as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: say which zone it is in")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


CONNECTION_SECONDS = 1800
"""A connection to a server is replaced after this time: whoever may no longer sign in is out then,
and a token that it was made with lasts about twice as long."""


_may_wait: ContextVar[bool] = ContextVar("may_wait", default=True)


class WouldWait(BaseException):
    """What was asked for ``without_waiting`` takes a look into a database; nothing was done."""


@contextmanager
def without_waiting() -> Iterator[None]:
    """Within it nothing waits for a database: what takes one raises ``WouldWait`` instead.

    An event loop tries so what memory most often can answer, and asks in a thread what it can't:
    a thread costs more than the answer.
    """
    before = _may_wait.set(False)
    try:
        yield
    finally:
        _may_wait.reset(before)


def about_to_wait() -> None:
    """Called before whatever waits for others than a database, such as a lock held while one is
    asked; raises ``WouldWait`` within ``without_waiting``.
    """
    if not _may_wait.get():
        raise WouldWait


class Database:
    """An engine and its transactions; safe to share between threads.

    Args:
        url: an SQLAlchemy URL, ``sqlite:///…`` or ``postgresql+psycopg://…``.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        remote = not url.startswith("sqlite")
        recycle = CONNECTION_SECONDS if remote else -1
        self.engine = create_engine(url, pool_pre_ping=remote, pool_recycle=recycle)
        self._reader = self.engine.execution_options(reads_only=True)
        event.listen(self.engine, "handle_error", _refuse_what_does_not_fit)
        if url.startswith("sqlite"):
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction: committed when the block ends, rolled back when it raises.

        On SQLite the write lock is taken at once, so that a read followed by a write
        in the same block sees no other writer in between.
        """
        about_to_wait()
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view for reading; on SQLite it does not wait for writers."""
        about_to_wait()
        with self._reader.begin() as connection:
            yield connection

    def close(self) -> None:
        """Release every pooled connection."""
        self.engine.dispose()


def _refuse_what_does_not_fit(context: ExceptionContext) -> None:
    """A number or a text that no column can hold is its sender's mistake, not a defect."""
    if isinstance(context.original_exception, OverflowError) or isinstance(
        context.sqlalchemy_exception, DataError
    ):
        raise Invalid(
            "The request holds a value that can't be stored or looked up.",
            hint="Numbers must be smaller, and texts free of NUL characters.",
        ) from context.original_exception


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "busy_timeout=15000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reads_only = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")
