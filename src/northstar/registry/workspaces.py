"""A squad's workspace in MLflow, made when the squad is."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx2

from northstar.errors import Unavailable
from northstar.registry.errors import MlflowFailed

_WORKSPACES = "/api/3.0/mlflow/workspaces"
_PATIENCE_SECONDS = 45.0
_PAUSE_SECONDS = 0.5


class MlflowWorkspaces:
    """Makes workspaces on a tracking server.

    Args:
        url: the tracking URI.
        token: gives a valid bearer token each time it is asked.
    """

    def __init__(
        self, url: str, token: Callable[[], str], transport: httpx2.BaseTransport | None = None
    ) -> None:
        self._token = token
        self._http = httpx2.Client(base_url=url, transport=transport, trust_env=False)

    def close(self) -> None:
        """Close the sockets."""
        self._http.close()

    def ensure(self, squad: str) -> None:
        """Make the squad's workspace unless it is there.

        Waits for an MLflow that is still starting; raises ``Unavailable`` when it does not come,
        ``MlflowFailed`` when it refuses.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            response = self._post(squad)
            if response.is_success or "ALREADY_EXISTS" in response.text:
                return
            if response.status_code != 503:
                raise MlflowFailed(
                    f"MLflow answered {response.status_code} to the workspace of squad {squad}: "
                    f"{response.text[:200]}"
                )
            if time.monotonic() > deadline:
                raise Unavailable("MLflow is still starting.", hint="Try again in a moment.")
            time.sleep(_PAUSE_SECONDS)

    def _post(self, squad: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self._token()}"}
        try:
            return self._http.post(_WORKSPACES, json={"name": squad}, headers=headers)
        except httpx2.TransportError as error:
            raise Unavailable(f"MLflow did not answer: {error}.", hint="Try again.") from error
