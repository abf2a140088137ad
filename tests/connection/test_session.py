"""What a client says of answers that are none of the platform's."""

from __future__ import annotations

import httpx2
import pytest

from northstar.connection import Connection, Credentials
from northstar.errors import Failed


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
