"""Notifications reach a real HTTP server, or say why not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from northstar.errors import Unavailable
from northstar.monitoring.webhook import HttpWebhooks


class Receiver(HTTPServer):
    """Keeps what was posted; ``status`` is what it answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 204
        self.received: list[tuple[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.headers["Idempotency-Key"], json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_notification_arrives_with_its_key(receiver: Receiver) -> None:
    HttpWebhooks().send(receiver.url, {"event": "alert.opened"}, "alert-action-3")
    assert receiver.received == [("alert-action-3", {"event": "alert.opened"})]


@pytest.mark.parametrize("status", [302, 404, 503])
def test_an_answer_that_is_no_success_is_tried_again_later(receiver: Receiver, status: int) -> None:
    receiver.status = status
    with pytest.raises(Unavailable, match=str(status)):
        HttpWebhooks().send(receiver.url, {}, "k")
    assert len(receiver.received) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/hook", "http://", "http://[::bad"])
def test_an_address_that_does_not_answer_is_tried_again_later(url: str) -> None:
    with pytest.raises(Unavailable):
        HttpWebhooks().send(url, {}, "k")
