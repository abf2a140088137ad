"""The supervisor with real processes: `northstar serve` against a small, real control plane."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import APIRouter, Request

from northstar.access.testing import AccessBench
from northstar.clock import SystemClock
from northstar.connection import Connection, Credentials
from northstar.database import Database, metadata
from northstar.digest import folder_digest
from northstar.errors import Invalid, Unavailable
from northstar.registry.fake import example_record
from northstar.serving import api
from northstar.serving.client import EndpointClient
from northstar.serving.dataplane.runtimes.mlmodel import read_model_folder
from northstar.serving.domain import AccessSpec
from northstar.serving.service import EndpointService
from northstar.serving.supervisor import Identity, Supervisor
from tests.serving.endpoints import ENDPOINT, captured_rows, eventually, processes
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
        record = example_record(version=1, digest=folder_digest(model), columns=columns)
        self.service = EndpointService(
            self.database,
            SystemClock(),
            model_folder=lambda _digest: model,
            access=lambda endpoint: AccessSpec(
                issuer=self.bench.access.tokens.issuer,
                audience=str(endpoint),
                jwks=self.bench.access.tokens.jwks(),
            ),
        )
        self.service.set_traffic(ENDPOINT, {1: 100}, [record])
        app = self.bench.app(api.router(self.service, self.bench.guard), self._token_route())
        self._server = uvicorn.Server(
            uvicorn.Config(app, port=0, log_config=None, lifespan="off", ws="none")
        )
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        eventually(lambda: self._server.started)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"
        self.captures = folder / "captures"

    def _token_route(self) -> APIRouter:
        routes = APIRouter()

        @routes.post("/oauth/token")
        async def token(request: Request) -> Any:
            form = await request.form()
            access = self.bench.access
            who = access.authenticate_secret(str(form["client_id"]), str(form["client_secret"]))
            return access.token_for(who, str(form["audience"]))

        return routes

    def supervisor(self) -> Supervisor:
        return Supervisor(
            self.database,
            SystemClock(),
            self.service,
            identity=lambda endpoint: Identity(*self._secret(endpoint)),
            url=self.url,
            folder=self.folder / "endpoints",
            captures=self.captures,
        )

    def _secret(self, endpoint: Any) -> tuple[str, str]:
        secret = self.bench.access.endpoint_identity(endpoint)
        return secret.client_id, secret.client_secret

    def connection(self) -> Connection:
        token = self.bench.token("olga", "squad-owner", "/operations")
        bench = self.bench

        class Known(Connection):
            """Signed in as olga; endpoints' tokens come by exchange."""

            def token(self, audience: str = "northstar") -> str:
                return bench.access.exchange(token, audience).access_token

        return Known(Credentials(self.url, token))

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self.database.close()


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[SmallControlPlane]:
    plane = SmallControlPlane(tmp_path)
    try:
        yield plane
    finally:
        plane.supervisor().stop_all()
        plane.close()


def agents(plane: SmallControlPlane) -> list[int]:
    return processes("northstar", "serve", str(plane.folder / "endpoints"))


def answering(plane: SmallControlPlane, supervisor: Supervisor) -> str:
    """Step until the endpoint answers; returns its address."""

    def seen() -> str | None:
        supervisor.step()
        view = plane.service.view(ENDPOINT)
        return view.url if view.answering else None

    return str(eventually(seen, 40))


def test_an_endpoint_is_started_asked_killed_and_started_again(plane: SmallControlPlane) -> None:
    supervisor = plane.supervisor()
    url = answering(plane, supervisor)
    connection = plane.connection()
    client = EndpointClient(connection)
    names = list(plane.table.columns)
    rows = [dict(zip(names, row, strict=True)) for row in plane.table.rows()[:2]]

    answer = client.predict(ENDPOINT, rows, request_id="day", user="anna")
    assert answer.predictions == plane.own[:2].tolist()
    assert answer.ids == ["day:0", "day:1"]
    with pytest.raises(Invalid, match="is not a number"):
        client.predict(ENDPOINT, [{**rows[0], "temp": "warm"}])

    (agent,) = agents(plane)
    workers = processes("dataplane.worker", str(plane.folder))
    environment = Path(f"/proc/{workers[0]}/environ").read_bytes()
    assert b"NORTHSTAR_CLIENT_SECRET" not in environment

    os.kill(agent, signal.SIGKILL)
    eventually(lambda: agents(plane) == [])
    eventually(lambda: workers[0] not in processes("dataplane.worker", str(plane.folder)))

    def asked_again() -> bool:
        supervisor.step()
        try:
            return client.predict(ENDPOINT, rows).version == 1
        except Unavailable:
            return False

    eventually(asked_again, 40)
    assert agents(plane) != [agent]
    assert plane.service.view(ENDPOINT).url == url
    supervisor.stop_all()
    assert agents(plane) == []
    assert len(captured_rows(plane.captures)) == 4
    client.close()
    connection.close()


def test_a_new_control_plane_adopts_the_running_endpoint(plane: SmallControlPlane) -> None:
    before_restart = plane.supervisor()
    answering(plane, before_restart)
    before = agents(plane)
    after_restart = plane.supervisor()
    for _ in range(3):
        after_restart.step()
    assert agents(plane) == before

    plane.service.set_traffic(ENDPOINT, {}, [])

    def ended() -> bool:
        after_restart.step()
        return agents(plane) == []

    eventually(ended)
    before_restart.stop_all()  # reaps its child


def test_an_endpoint_that_cannot_start_is_tried_ever_more_rarely(
    plane: SmallControlPlane,
) -> None:
    supervisor = plane.supervisor()
    state = plane.folder / "endpoints" / ENDPOINT.squad / ENDPOINT.project / ENDPOINT.environment
    state.mkdir(parents=True)
    (state / "models").write_text("a file where a folder should be")
    starts = set()
    for _ in range(3):
        supervisor.step()
        starts.update(agents(plane))
        eventually(lambda: agents(plane) == [])
    assert "FileExistsError" in supervisor.log_path(ENDPOINT).read_text()
    supervisor.step()
    assert agents(plane) == []
