"""MLflow's REST API through the platform's door, for one squad's workspace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2

from northstar.connection import Connection
from northstar.errors import Denied, Failed, NotFound, Unauthenticated, Unavailable
from northstar.pipeline.patience import patiently

_TIMEOUT_SECONDS = 120.0
_API = "/api/2.0/mlflow"
_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


class MlflowHttp:
    """Requests to MLflow that wait for a platform that is being restarted.

    Every method raises ``NotFound``, ``Denied``, ``Unavailable`` (after waiting) or ``Failed``.

    Args:
        say: told when there is something to wait for.
    """

    def __init__(self, connection: Connection, squad: str, say: Callable[[str], None]) -> None:
        self._connection = connection
        self._squad = squad
        self._say = say
        self._http = httpx2.Client(
            base_url=f"{connection.url}/mlflow", timeout=_TIMEOUT_SECONDS, trust_env=False
        )

    def close(self) -> None:
        """Close the sockets."""
        self._http.close()

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Read something."""
        return self._patiently("GET", f"{_API}/{path}", params=query)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Search or write something."""
        return self._patiently("POST", f"{_API}/{path}", json=body)

    def put_artifact(self, path: str, file: Path) -> None:
        """Write one artifact, replacing what was there."""
        self._patiently("PUT", f"{_ARTIFACTS}/{quote(path)}", content=file.read_bytes())

    def _patiently(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        return patiently(lambda: self._send(method, path, **options), say=self._say)

    def _send(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        headers = {
            "Authorization": f"Bearer {self._connection.token()}",
            "X-MLFLOW-WORKSPACE": self._squad,
        }
        try:
            response = self._http.request(method, path, headers=headers, **options)
        except httpx2.TransportError as error:
            raise Unavailable(
                f"MLflow at {self._http.base_url} did not answer: {error}."
            ) from error
        return _checked(response)


def _checked(response: httpx2.Response) -> dict[str, Any]:
    try:
        told = response.json() if response.content else {}
    except ValueError:
        told = {}
    answer: dict[str, Any] = told if isinstance(told, dict) else {}
    if response.is_success:
        return answer
    what = f"MLflow: {answer.get('message') or response.text[:200]}"
    match response.status_code:
        case 401:
            raise Unauthenticated(what)
        case 403:
            raise Denied(what)
        case 404:
            raise NotFound(what)
        case 429 | 502 | 503 | 504:
            raise Unavailable(what, hint="Try again.")
    raise Failed(f"{what} ({response.request.method} {response.request.url.path})")
