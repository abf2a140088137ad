"""A session's tokens, and what a client says of answers that are none of the platform's."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from northstar.connection import Connection, Credentials
from northstar.errors import Failed, Unauthenticated, Unavailable


def test_a_page_in_the_place_of_an_answer_is_told_with_its_address() -> None:
    page = httpx2.Response(200, text="<html>Sign in</html>")
    proxy = httpx2.MockTransport(lambda request: page)
    connection = Connection(Credentials("http://northstar.example", token="x"), proxy)
    with pytest.raises(
        Failed, match=r"http://northstar.example/api/me answered .* not JSON"
    ) as told:
        connection.get("/api/me")
    assert "Is this the platform's address?" in told.value.hint
    connection.close()


class Platform:
    """Gives tokens, and takes those alone that were not withdrawn."""

    def __init__(self) -> None:
        self.given, self.withdrawn, self.asked = 0, 0, 0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/oauth/token":
            self.given += 1
            return httpx2.Response(200, json={"access_token": str(self.given), "expires_in": 3600})
        self.asked += 1
        if int(request.headers["authorization"].removeprefix("Bearer ")) <= self.withdrawn:
            problem = {"code": "unauthenticated", "message": "The token was withdrawn."}
            return httpx2.Response(401, json=problem)
        return httpx2.Response(200, json="done")


def session(platform: Platform, **known: str) -> Connection:
    credentials = Credentials("http://northstar.example", **known)
    return Connection(credentials, httpx2.MockTransport(platform))


def test_a_token_that_was_withdrawn_is_replaced_and_the_request_sent_again() -> None:
    platform = Platform()
    connection = session(platform, client_id="service:ci", client_secret="s")
    assert connection.post("/api/x") == "done"
    platform.withdrawn = platform.given
    assert (connection.post("/api/x"), platform.given, platform.asked) == ("done", 2, 3)
    connection.close()


def test_who_is_refused_with_a_new_token_is_refused() -> None:
    platform = Platform()
    connection = session(platform, client_id="service:ci", client_secret="s")
    platform.withdrawn = 99
    for asked in (1, 3):  # the second time with the token of the first, then with another
        with pytest.raises(Unauthenticated, match="withdrawn"):
            connection.post("/api/x")
        assert platform.asked == asked
    connection.close()


def test_a_token_that_one_brought_is_used_as_it_is() -> None:
    platform = Platform()
    platform.withdrawn = 1
    connection = session(platform, token="1")
    with pytest.raises(Unauthenticated):
        connection.get("/api/x")
    assert (platform.asked, platform.given) == (1, 0)
    connection.close()


def read(connection: Connection) -> bytes:
    with connection.stream("/api/model", 10) as content:
        return b"".join(content)


def test_a_download_outlives_a_token_that_was_withdrawn_too() -> None:
    platform = Platform()
    connection = session(platform, client_id="service:ci", client_secret="s")
    assert read(connection) == b'"done"'
    platform.withdrawn = platform.given
    assert (read(connection), platform.given, platform.asked) == (b'"done"', 2, 3)
    platform.withdrawn = 99
    with pytest.raises(Unauthenticated, match="withdrawn"):
        read(connection)
    assert (platform.given, platform.asked) == (3, 5)
    connection.close()


def test_a_download_that_breaks_off_is_told_as_an_outage() -> None:
    def broken() -> Iterator[bytes]:
        yield b"half of"
        raise httpx2.ReadError("reset by peer")

    answers = httpx2.MockTransport(lambda request: httpx2.Response(200, content=broken()))
    connection = Connection(Credentials("http://northstar.example", token="x"), answers)
    with pytest.raises(Unavailable, match="did not answer: reset by peer"):
        read(connection)
    connection.close()
