"""The parameters that the company set; one row, or none while those that are shipped hold."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, Text, delete, insert, select

from northstar.access.audit.log import AuditLog
from northstar.clock import Clock
from northstar.database import Database, UtcDateTime, metadata
from northstar.names import Scope
from northstar.standards.domain import Parameters

_ONLY = 1

standards_parameters = Table(
    "standards_parameters",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("parameters", Text, nullable=False),
    Column("set_by", String(255), nullable=False),
    Column("set_at", UtcDateTime, nullable=False),
)


class ParameterStore:
    """The parameters in the control plane's database; the audit says who set which."""

    def __init__(self, database: Database, clock: Clock, audit: AuditLog) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit

    def read(self) -> Parameters:
        """Those that hold; one that a row of before does not name is the shipped one."""
        with self._database.read() as connection:
            found = connection.execute(select(standards_parameters.c.parameters)).scalar()
        return Parameters() if found is None else Parameters.model_validate_json(found)

    def write(self, parameters: Parameters, by: str) -> None:
        """Set all of them."""
        values = {"parameters": parameters.model_dump_json(), "set_by": by}
        with self._audit.change() as change:
            change.connection.execute(delete(standards_parameters))
            change.connection.execute(
                insert(standards_parameters).values(id=_ONLY, set_at=self._clock.now(), **values)
            )
            change.record(by, "standard:update", Scope(), **parameters.model_dump())

    def clear(self, by: str) -> None:
        """Let those hold that are shipped."""
        with self._audit.change() as change:
            change.connection.execute(delete(standards_parameters))
            change.record(by, "standard:update", Scope(), **Parameters().model_dump())
