"""Azure App Configuration as far as its library asks: settings by key and label, in pages."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tests.azure.server import Answer, Request, Service

RESOURCE = "https://appconfig.azure.com"  # asked for, for what is not below azconfig.io
REFERENCE = "application/vnd.microsoft.appconfig.keyvaultref+json;charset=utf-8"
_ID, _KEY = "4711", base64.b64encode(b"the store's key").decode()
_PAGE = 2
_TYPE = "application/vnd.microsoft.appconfig.kvset+json; charset=utf-8"


@dataclass(frozen=True)
class Setting:
    key: str
    value: str
    label: str | None = None
    content_type: str = ""

    @property
    def item(self) -> dict[str, object]:
        digest = hashlib.sha256(repr(self).encode()).hexdigest()[:12]
        return {**vars(self), "etag": digest, "tags": {}, "locked": False}


class Store(Service):
    """Lets in whoever signs with its key, or brings ``token``; keeps what was wrong in ``wrong``.

    Attributes:
        settings: what it holds.
        status: what it answers with; 200 if it works.
    """

    def __init__(self, certificate: Path | None = None, token: str = "") -> None:
        super().__init__(certificate)
        self.settings: list[Setting] = []
        self.token = token
        self.status = 200
        self.wrong: list[str] = []
        self.unchanged = 0

    @property
    def connection_string(self) -> str:
        return f"Endpoint={self.url};Id={_ID};Secret={_KEY}"

    def answer(self, request: Request) -> Answer:
        if self.status != 200:
            return Answer(self.status, b"{}", {"Content-Type": "application/problem+json"})
        if problem := self._problem(request):
            self.wrong.append(problem)
            return Answer(401, b"{}", {"Content-Type": "application/problem+json"})
        query = request.query
        label = {"\0": None}.get(query["label"], query["label"])
        found = [
            one
            for one in self.settings
            if one.key.startswith(query["key"].rstrip("*")) and one.label == label
        ]
        first = int(query.get("after", 0))
        page: dict[str, object] = {"items": [one.item for one in found[first : first + _PAGE]]}
        headers = {}
        if first + _PAGE < len(found):
            key, label_asked = quote(query["key"], safe=""), quote(query["label"])
            rest = f"api-version={query['api-version']}&after={first + _PAGE}"
            page["@nextLink"] = f"/kv?{rest}&key={key}&label={label_asked}"
            headers["Link"] = f'<{page["@nextLink"]}>; rel="next"'
        body = json.dumps(page).encode()
        headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if request.headers.get("if-none-match") == headers["ETag"]:
            self.unchanged += 1
            return Answer(304, headers=headers)
        return Answer(200, body, {"Content-Type": _TYPE, **headers})

    def _problem(self, request: Request) -> str:
        query = request.query
        if request.path != "/kv" or not query.get("api-version") or "label" not in query:
            return f"no question for settings: {request.target}"
        told = request.headers.get("authorization", "")
        if self.token:
            return "" if told == f"Bearer {self.token}" else f"not the token: {told}"
        return "" if told == _signed(request) else f"not signed with the key: {told}"


def _signed(request: Request) -> str:
    """The header that a request signed with the store's key has."""
    names = ("x-ms-date", "host", "x-ms-content-sha256")
    empty = base64.b64encode(hashlib.sha256(b"").digest()).decode()
    values = [empty if name == names[2] else request.headers.get(name, "") for name in names]
    text = f"GET\n{request.target}\n{';'.join(values)}"
    made = hmac.new(base64.b64decode(_KEY), text.encode(), hashlib.sha256).digest()
    signature = base64.b64encode(made).decode()
    return f"HMAC-SHA256 Credential={_ID}&SignedHeaders={';'.join(names)}&Signature={signature}"
