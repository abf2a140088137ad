"""Long and slow bodies, before a real server."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from northstar.platform.request_limits import RequestLimits


async def length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    app = Starlette(
        routes=[Route("/{path:path}", length, methods=["GET", "POST", "PUT"])],
    )
    app.add_middleware(RequestLimits, anonymous_bytes=100, longest_bytes=1000, patience_seconds=0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(10)


def send(port: int, path: str, body: object, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", path, body=body, headers=headers)  # type: ignore[arg-type]
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def pieces(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b"x" * 50


KNOWN = {"Authorization": "Bearer x"}


@pytest.mark.parametrize(
    ("path", "count", "headers", "status"),
    [
        ("/oauth/token", 2, {}, 200),
        ("/oauth/token", 3, {}, 413),
        ("/api/x", 20, KNOWN, 200),
        ("/api/x", 21, KNOWN, 413),
        ("/api/x", 20, {"Cookie": "a=b"}, 200),
        ("/mlflow/upload", 100, {}, 200),
    ],
)
def test_a_body_may_be_as_long_as_its_sender_is_known(
    port: int, path: str, count: int, headers: dict[str, str], status: int
) -> None:
    assert send(port, path, b"x" * 50 * count, **headers)[0] == status
    assert send(port, path, pieces(count), **headers)[0] == status  # chunked, without a length


@pytest.mark.parametrize("claimed", ["9" * 30, "1001"])
def test_a_length_that_is_too_large_is_refused_before_the_body_is_sent(
    port: int, claimed: str
) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
        head = (
            f"POST /x HTTP/1.1\r\nHost: x\r\nAuthorization: x\r\nContent-Length: {claimed}\r\n\r\n"
        )
        raw.sendall(head.encode())
        assert raw.recv(100).split()[1] in (b"413", b"400")  # the server's own parser has a limit


def test_a_body_that_dawdles_is_not_waited_for(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
        raw.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nslow")
        assert raw.recv(100).split()[1] == b"408"
