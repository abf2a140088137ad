"""The credential by which Azure's services know this process; the one place that makes it."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from northstar.errors import Invalid

_SAYS_WHO_THIS_IS = ("AZURE_", "IDENTITY_", "MSI_")


def azure_credential(client_id: str = "") -> Any:
    """The token credential for Azure's services; nothing is asked for before its first use.

    What it finds: a managed or workload identity in Azure, variables for a service principal, or
    who is signed in on a developer's machine. There is one in a process, because it remembers
    tokens until shortly before they end; never close it. Raises ``Invalid`` without the extra
    ``azure``.

    Args:
        client_id: of a user-assigned managed identity; empty for ``AZURE_CLIENT_ID``'s, or the
            only one that there is.
    """
    surroundings = frozenset(
        (name, value) for name, value in os.environ.items() if name.startswith(_SAYS_WHO_THIS_IS)
    )
    return _credential(client_id, surroundings)


@lru_cache(maxsize=8)
def _credential(client_id: str, surroundings: frozenset[tuple[str, str]]) -> Any:
    """Who it is stands in the environment, so another environment is another one's credential."""
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError as error:
        raise Invalid(
            "Entra's tokens need a package that is not installed.",
            hint="Install it: pip install 'northstar-mlops[azure]'.",
        ) from error
    if client_id:
        return DefaultAzureCredential(managed_identity_client_id=client_id)
    return DefaultAzureCredential()
