"""A small, real control plane for tests: access and endpoints over HTTP, one released model."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import APIRouter, Request

from northstar.access.testing import AccessBench
from northstar.clock import SystemClock
from northstar.connection import Connection, Credentials
from northstar.database import Database, metadata
from northstar.digest import folder_digest
from northstar.isolation.interface import Isolation
from northstar.isolation.same_user import SameUser
from northstar.isolation.variables import of_ones_own_machine
from northstar.names import EndpointRef
from northstar.registry.archive import tar_stream
from northstar.registry.fake import example_record
from northstar.serving import api
from northstar.serving.dataplane.runtimes.mlmodel import read_model_folder
from northstar.serving.domain import AccessSpec
from northstar.serving.service import EndpointService
from northstar.serving.supervisor import Identity, Supervisor
from tests.serving.endpoints import ENDPOINT, eventually, processes
from tests.serving.models import booster_folder


class SmallControlPlane:
    """Access and endpoints over HTTP, with one released LightGBM model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = Database(f"sqlite:///{folder / 'test.db'}")
        metadata.create_all(self.database.engine)
        self.bench = AccessBench(folder, database=self.database)
        model, self.table, self.own = booster_folder(folder / "model")
        columns = list(read_model_folder(model).columns or ())
        self.record = example_record(version=1, digest=folder_digest(model), columns=columns)
        self.service = EndpointService(
            self.database,
            SystemClock(),
            model_archive=lambda _digest: tar_stream(model),
            access=lambda endpoint: AccessSpec(
                issuer=self.bench.access.tokens.issuer,
                audience=str(endpoint),
                jwks=self.bench.access.tokens.keys.jwks(),
            ),
        )
        self.service.set_traffic(ENDPOINT, {1: 100}, [self.record])
        app = self.bench.app(api.router(self.service, self.bench.guard), self._token_route())
        self._server = uvicorn.Server(
            uvicorn.Config(app, port=0, log_config=None, lifespan="off", ws="none")
        )
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        eventually(lambda: self._server.started)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"
        self.captures = folder / "captures"
        self._supervisors: list[Supervisor] = []

    def _token_route(self) -> APIRouter:
        routes = APIRouter()

        @routes.post("/oauth/token")
        async def token(request: Request) -> Any:
            form = await request.form()
            access = self.bench.access
            who = access.authenticate_secret(str(form["client_id"]), str(form["client_secret"]))
            return access.token_for(who, str(form["audience"]))

        return routes

    def supervisor(self, isolation: Isolation | None = None) -> Supervisor:
        """Another supervisor of the same endpoints, as after a restart."""
        supervisor = Supervisor(
            self.database,
            SystemClock(),
            self.service,
            identity=lambda endpoint: Identity(*self.secret(endpoint)),
            url=self.url,
            isolation=isolation or SameUser("own machine", of_ones_own_machine(os.environ)),
            folder=self.folder / "endpoints",
            captures=self.captures,
        )
        self._supervisors.append(supervisor)
        return supervisor

    def owner(self) -> tuple[str, str]:
        """The id and secret of somebody who may do everything in the squad."""
        who = self.bench.principal("olga", "squad-owner", "/operations")
        secret = self.bench.access.directory.new_secret(who.id, by="test")
        return secret.client_id, secret.client_secret

    def secret(self, endpoint: EndpointRef) -> tuple[str, str]:
        """With which an endpoint's process signs in."""
        secret = self.bench.access.endpoint_identity(endpoint)
        return secret.client_id, secret.client_secret

    def connection(self) -> Connection:
        return Connection(Credentials(self.url, "", *self.owner()))

    def close(self) -> None:
        """End every process that was started, then the server."""
        for supervisor in self._supervisors:
            supervisor.stop_all()
        self._server.should_exit = True
        self._thread.join(10)
        self.database.close()


def agents(plane: SmallControlPlane) -> list[int]:
    return processes("northstar", "serve", str(plane.folder / "endpoints"))


def answering(plane: SmallControlPlane, supervisor: Supervisor) -> str:
    """Step until the endpoint answers; returns its address."""

    def seen() -> str | None:
        supervisor.step()
        view = plane.service.view(ENDPOINT)
        return view.url if view.answering else None

    return str(eventually(seen, 40))
