"""Access for tests of other domains: a real service on SQLite, principals, and a client.

bench = AccessBench(tmp_path)
client = bench.client(api.router(service, bench.guard))
client.get("/api/…", headers=bench.headers("anna", "approver", "/operations"))
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.testclient import TestClient

from northstar.access import store
from northstar.access.credentials import store as credential_store
from northstar.access.domain import Principal, check_role, principal_of
from northstar.access.elevation import store as elevation_store
from northstar.access.guard import Guard
from northstar.access.sealing import Sealer
from northstar.access.service import AccessService
from northstar.access.sign_in import store as account_store
from northstar.clock import Clock, SystemClock
from northstar.connection import PLATFORM_AUDIENCE
from northstar.database import Database, metadata
from northstar.errors import NorthstarError, Unavailable
from northstar.names import Scope


class AccessBench:
    """A working ``AccessService`` in one folder.

    Args:
        folder: where the SQLite file is made, unless ``database`` is given.
        database: the test's own; the access tables are made in it.
    """

    def __init__(
        self, folder: Path, clock: Clock | None = None, database: Database | None = None
    ) -> None:
        self.database = database or Database(f"sqlite:///{folder / 'access.db'}")
        more = [*credential_store.TABLES, elevation_store.elevations, account_store.accounts]
        tables = [*store.TABLES, *more]
        metadata.create_all(self.database.engine, tables=tables)
        self.clock = clock or SystemClock()
        self.sealer = Sealer()
        self.access = AccessService(
            self.database, self.clock, "http://northstar.test", sealer=self.sealer
        )
        self.guard = Guard(self.access)

    def principal(self, name: str, role: str = "", scope: str = "/") -> Principal:
        """A user of this name, made if missing, with ``role`` in ``scope`` if one is given."""
        who = self.access.directory.ensure(principal_of("user", name), ())
        if role:
            where = Scope.parse(scope)
            self.access.directory.assign(who.id, check_role(role), where, by="test")
        return who

    def token(self, name: str = "admin", role: str = "platform-admin", scope: str = "/") -> str:
        """A token of such a user; without arguments, an administrator's."""
        who = self.principal(name, role, scope)
        return self.access.token_for(who, PLATFORM_AUDIENCE).access_token

    def headers(
        self, name: str = "admin", role: str = "platform-admin", scope: str = "/"
    ) -> dict[str, str]:
        """The request headers of such a user."""
        return {"Authorization": f"Bearer {self.token(name, role, scope)}"}

    def session(self, principal: str) -> str:
        """The cookie's value of a new web session of somebody who is there."""
        return self.access.sessions.redeem(self.access.sessions.new_code(principal, by="test"))

    def app(self, *routers: APIRouter) -> FastAPI:
        """An application of these routes; errors answer as the platform's do."""
        app = FastAPI(openapi_url=None)
        app.add_exception_handler(NorthstarError, _answer)
        for routes in routers:
            app.include_router(routes)
        return app

    def client(self, *routers: APIRouter) -> TestClient:
        """A client of such an application that sends no token of its own."""
        return TestClient(self.app(*routers))


async def _answer(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, NorthstarError)  # noqa: S101 - registered for this type only
    body = {"code": error.code, "message": error.message, "hint": error.hint}
    headers = {}
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(error.retry_after_seconds)
    return JSONResponse(body, status_code=error.http_status, headers=headers)
