"""A plugin for MLflow's client: it asks the managed identity for a token whenever one is needed.

``MLFLOW_TRACKING_TOKEN`` is read once by the code that a run starts, and ends after an hour. With
``MLFLOW_TRACKING_AUTH=northstar`` the same client asks the identity endpoint beside it, so that a
training of days goes on logging. MLflow finds the plugin by its entry point.
"""

from __future__ import annotations

import os
import time
from importlib.metadata import entry_points
from typing import Any
from urllib.parse import urlsplit

import httpx2

from northstar.connection.managed_identity import API_VERSION, IDENTITY_ENDPOINT, IDENTITY_HEADER

_GROUP = "mlflow.request_auth_provider"
_NAME = "northstar"
_RENEW_BEFORE_SECONDS = 300.0
_TIMEOUT_SECONDS = 30.0


def environment() -> dict[str, str]:
    """What makes MLflow's client use the plugin; nothing where it is not installed."""
    installed = entry_points(group=_GROUP, name=_NAME)
    return {"MLFLOW_TRACKING_AUTH": _NAME} if installed else {}


class ManagedIdentityAuth:
    """Makes MLflow's client authenticate with the managed identity (a request auth provider)."""

    def __init__(self) -> None:
        self._auth = _BearerToken()

    def get_name(self) -> str:
        """The value of ``MLFLOW_TRACKING_AUTH``."""
        return _NAME

    def get_auth(self) -> _BearerToken:
        """What ``requests`` calls with every request."""
        return self._auth


class _BearerToken:
    """Puts a token that still runs into the request."""

    def __init__(self) -> None:
        self._token = ""
        self._renew_at = 0.0
        # The platform's, as the run was told; a script may talk to other servers, too.
        self._platform = _origin(os.environ.get("MLFLOW_TRACKING_URI", ""))

    def __call__(self, request: Any) -> Any:
        if _origin(request.url) != self._platform:
            return request
        if time.time() >= self._renew_at:
            self._renew()
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def _renew(self) -> None:
        """Get a token; while there is none to be had, the one that we hold goes on being used."""
        try:
            answer = httpx2.get(
                os.environ[IDENTITY_ENDPOINT],
                params={"api-version": API_VERSION, "resource": "api://northstar"},
                headers={"X-IDENTITY-HEADER": os.environ[IDENTITY_HEADER]},
                timeout=_TIMEOUT_SECONDS,
                trust_env=False,
            )
            answer.raise_for_status()
            found = answer.json()
        except (KeyError, ValueError, httpx2.HTTPError):
            return
        self._token = found["access_token"]
        self._renew_at = float(found["expires_on"]) - _RENEW_BEFORE_SECONDS


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
