"""The credential by which Azure's services know this process; the one place that makes it."""

from __future__ import annotations

from typing import Any

from northstar.errors import Invalid


def azure_credential(client_id: str = "") -> Any:
    """A token credential for Azure's services; nothing is asked for before its first use.

    What it finds: a managed or workload identity in Azure, variables for a service principal, or
    who is signed in on a developer's machine. Raises ``Invalid`` without the extra ``azure``.

    Args:
        client_id: of a user-assigned managed identity; empty for ``AZURE_CLIENT_ID``'s, or the
            only one that there is.
    """
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
