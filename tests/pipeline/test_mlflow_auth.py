"""The plugin of MLflow's client: its token goes to the platform, and to no other server."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from northstar.connection import Granted
from northstar.connection.managed_identity import IdentityEndpoint
from northstar.pipeline.mlflow_auth import ManagedIdentityAuth

_CLAIMS = base64.urlsafe_b64encode(b'{"sub": "managed:run/a/b"}').decode().rstrip("=")
TOKEN = f"e30.{_CLAIMS}.c2ln"


class Server:
    """Answers everything, or leads elsewhere; keeps the Authorization headers that it got."""

    def __init__(self) -> None:
        self.got: list[str | None] = []
        self.leads_to = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.got.append(self.headers.get("Authorization"))
            self.send_response(307 if server.leads_to else 200)
            if server.leads_to:
                self.send_header("Location", server.leads_to)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    return Handler


class Source:
    def grant(self, audience: str, at_least_seconds: float) -> Granted:
        return Granted(TOKEN, time.time() + 3600)


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    """The platform, and another server on the same machine."""
    made = (Server(), Server())
    yield made
    for server in made:
        server.close()


@pytest.fixture
def session(
    servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> Iterator[requests.Session]:
    endpoint = IdentityEndpoint(Source())
    for name, value in endpoint.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{servers[0].url}/mlflow")
    with requests.Session() as session:
        session.trust_env = False
        session.auth = ManagedIdentityAuth().get_auth()
        yield session
    endpoint.close()


def test_the_platform_gets_the_token(
    servers: tuple[Server, Server], session: requests.Session
) -> None:
    session.get(f"{servers[0].url}/mlflow/api/2.0/mlflow/experiments/search")
    assert servers[0].got == [f"Bearer {TOKEN}"]


def test_another_server_does_not_get_it(
    servers: tuple[Server, Server], session: requests.Session
) -> None:
    platform, other = servers
    session.get(f"{platform.url}/mlflow")  # the plugin has a token now
    for url in (
        f"{other.url}/mlflow",
        f"http://localhost:{platform.port}/",
        f"http://{platform.url.removeprefix('http://')}@127.0.0.1:{other.port}/",
    ):
        session.get(url)
    told = json.dumps([*other.got, *platform.got[1:]])
    assert len(other.got) == 2
    assert TOKEN not in told


def test_nor_does_it_by_a_redirect_of_the_platforms(
    servers: tuple[Server, Server], session: requests.Session
) -> None:
    platform, other = servers
    platform.leads_to = f"{other.url}/elsewhere"
    session.get(f"{platform.url}/mlflow")
    assert (platform.got, other.got) == ([f"Bearer {TOKEN}"], [None])
