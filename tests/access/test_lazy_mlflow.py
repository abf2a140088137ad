from __future__ import annotations

import threading
from pathlib import Path

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from northstar.access.mlflow.app import LazyMlflow


def _answers() -> ASGIApp:
    return Starlette(routes=[Route("/", lambda _: PlainTextResponse("warm"))])


def test_requests_wait_for_it_by_trying_again(tmp_path: Path) -> None:
    warm = threading.Event()

    def load(_url: str, _artifacts: Path) -> ASGIApp:
        warm.wait(10)
        return _answers()

    lazy = LazyMlflow("sqlite://", tmp_path, load)
    lazy.start()
    client = TestClient(lazy)
    early = client.get("/")
    assert (early.status_code, early.headers["retry-after"], lazy.ready) == (503, "2", False)
    assert early.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
    warm.set()
    assert lazy.wait(10)
    assert client.get("/").text == "warm"


def test_one_that_did_not_start_says_so_and_leaves_the_rest_working(tmp_path: Path) -> None:
    def load(_url: str, _artifacts: Path) -> ASGIApp:
        raise OSError("no room")

    lazy = LazyMlflow("sqlite://", tmp_path, load)
    lazy.start()
    assert not lazy.wait(10)
    assert lazy.failure == "OSError: no room"
    answer = TestClient(lazy).get("/")
    assert (answer.status_code, "did not start" in answer.text) == (503, True)
    assert "no room" not in answer.text
