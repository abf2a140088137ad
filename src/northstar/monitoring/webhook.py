"""Notifications over HTTP: one JSON ``POST`` each, with a key that tells repeats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2

from northstar.errors import Unavailable

_TIMEOUT_SECONDS = 5.0


class HttpWebhooks:
    """Posts to the address that a project named; redirects are not followed.

    Args:
        transport: an ``httpx2`` transport, for tests.
    """

    def __init__(self, transport: httpx2.BaseTransport | None = None) -> None:
        self._transport = transport

    def send(self, url: str, payload: Mapping[str, Any], key: str) -> None:
        """Post ``payload``; raises ``Unavailable`` for anything but a 2xx answer."""
        try:
            with httpx2.Client(
                timeout=_TIMEOUT_SECONDS, transport=self._transport, follow_redirects=False
            ) as client:
                answer = client.post(url, json=dict(payload), headers={"Idempotency-Key": key})
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Unavailable(f"The webhook {url} did not answer: {error}.") from error
        if not answer.is_success:
            raise Unavailable(f"The webhook {url} answered {answer.status_code}.")
