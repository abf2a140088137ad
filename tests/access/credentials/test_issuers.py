"""Issuers that are slow, large or lead elsewhere: real servers on this machine."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from northstar.access.credentials.domain import Trust
from northstar.access.issuers import Issuers, fetch_json
from northstar.access.service import AccessService
from northstar.access.testing import AccessBench
from northstar.clock import FakeClock
from northstar.errors import Failed, Invalid, NorthstarError, Unavailable
from tests.access.issuer import Issuer

Answer = Callable[[socket.socket, threading.Event], None]
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """A server that answers one connection; a test's end ends its answer, too."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                with suppress(OSError):  # the client hung up
                    answer(connection, over)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/document"
        finally:
            over.set()
            thread.join()


def _drips(start: bytes, drop: bytes) -> Answer:
    def answer(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(start)
        for _ in range(1200):  # a minute
            connection.sendall(drop)
            if over.wait(0.05):
                return

    return answer


def _sends(text: bytes) -> Answer:
    return lambda connection, _over: connection.sendall(text)


@pytest.mark.parametrize(
    "answer",
    [
        _drips(_HEAD + b"Content-Length: 100000\r\n\r\n", b" "),
        _drips(_HEAD + b"X-Much: ", b"x"),
        lambda _connection, over: over.wait(60),
    ],
    ids=["body", "headers", "silence"],
)
def test_an_issuer_that_takes_its_time_is_given_up(answer: Answer) -> None:
    with serving(answer) as url, pytest.raises(Unavailable, match=r"longer than 0\.5 s"):
        fetch_json(url, deadline_seconds=0.5)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (_sends(_HEAD + b"\r\n" + b" " * 600_000), Failed),
        (_sends(b"HTTP/1.1 302 Found\r\nLocation: /keys\r\n\r\n"), Unavailable),
        (
            _sends(_HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b" " * 10**7)),
            Failed,
        ),
        (_sends(_HEAD + b"\r\n[]"), Failed),
        (_sends(b""), Unavailable),
    ],
    ids=["large", "redirect", "compressed", "a list", "nothing"],
)
def test_what_is_no_plain_document_is_refused(
    answer: Answer, expected: type[NorthstarError]
) -> None:
    with serving(answer) as url, pytest.raises(expected):
        fetch_json(url)


def test_while_one_thread_waits_for_an_issuer_others_go_on_with_what_is_known() -> None:
    issuer, clock, begun, over = Issuer(), FakeClock(), threading.Event(), threading.Event()

    def slow(url: str) -> dict[str, object]:
        if issuer.broken:
            begun.set()
            over.wait(60)
        return fetch_json(url)

    issuers = Issuers(clock, loopback=True, fetch=slow)
    try:
        known = issuers.metadata(issuer.url)
        issuer.broken = True
        clock.advance(2 * 3600)
        waiting = threading.Thread(target=issuers.metadata, args=(issuer.url,))
        waiting.start()
        assert begun.wait(30)
        assert issuers.metadata(issuer.url) == known
        assert waiting.is_alive()
    finally:
        over.set()
        waiting.join()
        issuer.close()


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8080",
        "https://localhost",
        "https://issuer.localhost.",
        "https://[::ffff:127.0.0.1]:8443",
        "https://0.0.0.0",
    ],
)
def test_only_a_platform_that_is_tried_out_has_issuers_on_its_machine(
    bench: AccessBench, address: str
) -> None:
    trust = Trust(issuer=address, audience="a", subject="b")
    real = AccessService(bench.database, bench.clock, "https://northstar.example")
    with pytest.raises(Invalid, match="on this machine"):
        real.credentials.add_trust("service:ci", trust, by="test")
    bench.access.credentials.add_trust("service:ci", trust, by="test")


def test_a_document_does_not_lead_to_this_machine() -> None:
    def fetch(url: str) -> dict[str, object]:
        return {"issuer": "https://id.example", "jwks_uri": "http://127.0.0.1:5000/internal"}

    issuers = Issuers(FakeClock(), loopback=False, fetch=fetch)
    with pytest.raises(Invalid, match="jwks_uri"):
        issuers.metadata("https://id.example")


def test_issuers_of_private_networks_are_asked() -> None:
    place = "https://10.1.2.3/realms/ours"

    def fetch(url: str) -> dict[str, object]:
        return {"issuer": place, "jwks_uri": f"{place}/keys", "keys": []}

    issuers = Issuers(FakeClock(), loopback=False, fetch=fetch)
    assert issuers.metadata(place)["jwks_uri"] == f"{place}/keys"


@pytest.fixture
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AccessBench]:
    made = AccessBench(tmp_path_factory.mktemp("access"))
    made.access.directory.create("service", "ci", "test", with_secret=False)
    yield made
    made.database.close()
