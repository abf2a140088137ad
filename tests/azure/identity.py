"""Azure's managed-identity endpoint, as Container Apps has it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from tests.azure.server import Answer, Request, Service

CLIENT_ID = "6f1c4d0a-0000-4000-8000-000000000001"
_HEADER = "its-header"


class ManagedIdentity(Service):
    """Gives a new token for a resource each time that it is asked; ``environment`` leads to it.

    Attributes:
        seconds: how long a token lasts.
        tokens: the newest token of each resource.
        on_token: told of each one before it is given.
        again: gives the same token for the same resource, to every process that asks.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 3600
        self.tokens: dict[str, str] = {}
        self.again = False
        self.on_token: Callable[[str, str], None] = lambda _resource, _token: None

    @property
    def environment(self) -> dict[str, str]:
        return {
            "IDENTITY_ENDPOINT": f"{self.url}/msi/token",
            "IDENTITY_HEADER": _HEADER,
            "AZURE_CLIENT_ID": CLIENT_ID,
        }

    def answer(self, request: Request) -> Answer:
        query = request.query
        known = request.headers.get("x-identity-header") == _HEADER
        if not known or query.get("client_id") != CLIENT_ID or "api-version" not in query:
            return Answer(401, b"{}")
        resource = query["resource"]
        token = f"token-{len(self.asked)}-for-{resource}"
        if self.again and resource in self.tokens:
            token = self.tokens[resource]
        else:
            self.on_token(resource, token)
            self.tokens[resource] = token
        told = {
            "access_token": token,
            "expires_on": str(int(time.time()) + self.seconds),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": CLIENT_ID,
        }
        return Answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"})
