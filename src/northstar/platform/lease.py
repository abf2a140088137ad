"""One replica at a time runs the background loops: a lease in the database decides which."""

from __future__ import annotations

from datetime import timedelta
from math import inf

from sqlalchemy import Column, String, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from northstar.clock import Clock
from northstar.database import Database, UtcDateTime, metadata

leases = Table(
    "leases",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("holder", String(127), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)


class Lease:
    """A named right that one holder has until it expires or is given back.

    Args:
        holder: who asks; unique to this process.
        seconds: how long the right lasts without being renewed. A holder that was killed
            keeps the others waiting for at most this long.
    """

    def __init__(
        self, database: Database, clock: Clock, name: str, holder: str, seconds: float = 15.0
    ) -> None:
        self._database = database
        self._clock = clock
        self._name = name
        self._holder = holder
        self._lifetime = timedelta(seconds=seconds)
        self._until = -inf

    def hold(self) -> bool:
        """Take or renew the lease; return whether this holder has it now."""
        asked = self._clock.monotonic()
        held = self._take()
        self._until = asked + self._lifetime.total_seconds() if held else -inf
        return held

    def lasts(self) -> bool:
        """Whether it has not run out since it was last held, also while the database is away."""
        return self._clock.monotonic() < self._until

    def _take(self) -> bool:
        now = self._clock.now()
        mine = {"holder": self._holder, "expires_at": now + self._lifetime}
        free = (leases.c.holder == self._holder) | (leases.c.expires_at <= now)
        with self._database.begin() as connection:
            taken = connection.execute(
                update(leases).where(leases.c.name == self._name, free).values(**mine)
            )
            if taken.rowcount:
                return True
            if connection.execute(select(leases).where(leases.c.name == self._name)).first():
                return False
        try:
            with self._database.begin() as connection:
                connection.execute(insert(leases).values(name=self._name, **mine))
        except IntegrityError:  # another replica was the first to write the row
            return False
        return True

    def give_back(self) -> None:
        """Let another holder have it at once; does nothing when somebody else holds it."""
        with self._database.begin() as connection:
            connection.execute(
                delete(leases).where(leases.c.name == self._name, leases.c.holder == self._holder)
            )
