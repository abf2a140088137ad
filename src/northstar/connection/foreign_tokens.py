"""The identity that a process has where it runs, in a CI pipeline or in a cloud: a short-lived
token of another issuer, and no secret to keep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from northstar.errors import Failed, Unavailable
from northstar.telemetry.azure_identity import azure_credential

_TIMEOUT_SECONDS = 30.0


def find_foreign_token(env: Mapping[str, str]) -> Callable[[str], str] | None:
    """How a token for the platform at an address is got here; ``None`` where there is none.

    A file (``NORTHSTAR_FEDERATED_TOKEN_FILE``, read again each time), the managed or workload
    identity that Azure gives this process (``NORTHSTAR_FEDERATED_TOKEN_RESOURCE`` says for what its
    token is), GitHub Actions (where the job has ``permissions: id-token: write``), or Azure
    Pipelines (where ``SYSTEM_ACCESSTOKEN`` is mapped and the job names a service connection in
    ``NORTHSTAR_SERVICE_CONNECTION``).
    """
    if file := env.get("NORTHSTAR_FEDERATED_TOKEN_FILE"):
        return partial(_from_file, Path(file))
    if resource := env.get("NORTHSTAR_FEDERATED_TOKEN_RESOURCE"):
        return partial(_from_azure, resource)
    url, token = env.get("ACTIONS_ID_TOKEN_REQUEST_URL"), env.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if url and token:
        return partial(_from_github, url, token)
    url, token = env.get("SYSTEM_OIDCREQUESTURI"), env.get("SYSTEM_ACCESSTOKEN")
    if url and token and (service := env.get("NORTHSTAR_SERVICE_CONNECTION")):
        return partial(_from_azure_devops, url, token, service)
    return None


def _from_file(path: Path, _platform: str) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise Failed(
            f"The federated token's file {path} can't be read: {error.strerror}."
        ) from error


def _from_azure(resource: str, _platform: str) -> str:
    """Azure's library remembers the token until shortly before it ends, and so does Azure."""
    credential = azure_credential()
    from azure.core.exceptions import ClientAuthenticationError

    try:
        return str(credential.get_token(f"{resource}/.default").token)
    except ClientAuthenticationError as error:
        raise Unavailable(
            f"Azure gave no token for {resource}: {str(error).splitlines()[0]}",
            hint="Has this process an identity? AZURE_CLIENT_ID says which, where it has several.",
        ) from error


def _from_github(url: str, token: str, platform: str) -> str:
    """Documented under "OpenID Connect" in GitHub's Actions documentation."""
    return str(_json("GET", url, token, {"audience": platform})["value"])


def _from_azure_devops(url: str, token: str, service: str, _platform: str) -> str:
    """``Oidctoken - Create`` of Azure DevOps' REST API; its audience can't be chosen."""
    query = {"api-version": "7.1", "serviceConnectionId": service}
    return str(_json("POST", url, token, query)["oidcToken"])


def _json(method: str, url: str, token: str, query: Mapping[str, str]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    address = httpx2.URL(url).copy_merge_params(dict(query))
    try:
        answer = httpx2.request(method, address, headers=headers, timeout=_TIMEOUT_SECONDS)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
    except httpx2.HTTPStatusError as error:
        raise Failed(
            f"The pipeline did not give its identity: HTTP {error.response.status_code}.",
            hint="May the job ask for one? docs/how-to/service-principal-for-ci.md.",
        ) from error
    except (httpx2.HTTPError, ValueError) as error:
        raise Unavailable(
            f"The pipeline did not give its identity: {type(error).__name__}."
        ) from error
    return found
