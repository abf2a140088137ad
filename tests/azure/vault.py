"""Azure Key Vault as far as its library asks: a challenge, then a secret."""

from __future__ import annotations

import json
from pathlib import Path

from tests.azure.identity import ManagedIdentity
from tests.azure.server import Answer, Request, Service


class Vault(Service):
    """Gives its secrets to whoever brings the newest token of ``identity`` for it."""

    def __init__(self, certificate: Path, identity: ManagedIdentity) -> None:
        super().__init__(certificate)
        self.secrets: dict[str, str] = {}
        self._identity = identity
        # The library wants a vault to be a sub-domain of the resource that it names.
        self._resource = f"https://0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return f"{self.url}/"

    def answer(self, request: Request) -> Answer:
        token = self._identity.tokens.get(self._resource)
        if not token or request.headers.get("authorization") != f"Bearer {token}":
            place = 'authorization="https://login.microsoftonline.com/5f0c"'
            challenge = f'Bearer {place}, resource="{self._resource}"'
            return Answer(401, headers={"WWW-Authenticate": challenge})
        name = request.path.split("/")[2]
        if name not in self.secrets:
            return Answer(404, b'{"error": {"code": "SecretNotFound", "message": "none"}}')
        told = {"value": self.secrets[name], "id": f"{self.url}/secrets/{name}/1", "attributes": {}}
        return Answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"})
