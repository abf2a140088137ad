"""Azure Blob: what an address and the environment say, for adlfs and for MLflow.

An address is ``abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX``. Who this process is,
Azure's library finds out (``DefaultAzureCredential``: a managed identity, a workload identity,
``az login``). Account keys are for azurite, the emulator, alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from northstar.storage.errors import StoreWrong

CONNECTION_STRING = "AZURE_STORAGE_CONNECTION_STRING"
"""How azurite is reached, with its well-known key."""
ENDPOINT = "AZURE_STORAGE_BLOB_ENDPOINT"
"""Where the account answers (https), if not under its name."""
_KEYS = (
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
)
_HOST = re.compile(r"(?P<account>[a-z0-9]{3,24})\.(?:dfs|blob)\.(?P<cloud>[a-z0-9.-]+)")
_LOOPBACK = ("127.0.0.1", "localhost", "::1", "azurite")


class BlobAddress(NamedTuple):
    """Where blobs are; ``path`` is the container and the prefix."""

    container: str
    account: str
    cloud: str
    prefix: str

    @property
    def path(self) -> str:
        return f"{self.container}/{self.prefix}".rstrip("/")


def read_address(url: str) -> BlobAddress:
    """Take an address (``abfs://…``, see above) apart; raises ``StoreWrong``."""
    parts = urlsplit(url)
    container, _, host = parts.netloc.rpartition("@")
    found = _HOST.fullmatch(host)
    if found is None or not container:
        raise StoreWrong(
            f"{url!r} is not the address of a container in Azure.",
            hint="Write abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX.",
        )
    return BlobAddress(container, found["account"], found["cloud"], parts.path.strip("/"))


def adlfs_options(address: BlobAddress, environ: Mapping[str, str]) -> dict[str, Any]:
    """With what adlfs opens an account; raises ``StoreWrong`` for a key of a real account."""
    if connection := environ.get(CONNECTION_STRING):
        _check_is_azurite(connection)
        return {"connection_string": connection}
    if keys := [name for name in _KEYS if environ.get(name)]:
        raise StoreWrong(
            f"{', '.join(keys)}: account keys and signatures are for azurite alone.",
            hint="Remove it, and give the identity of this process "
            f"the role Storage Blob Data Contributor on the container {address.container}.",
        )
    host = f"{address.account}.blob.{address.cloud}"
    if endpoint := environ.get(ENDPOINT):
        host = endpoint.removeprefix("https://").rstrip("/")
    return {"account_name": address.account, "account_host": host, "anon": False}


def mlflow_destination(address: BlobAddress, environ: Mapping[str, str]) -> str:
    """The same place as MLflow's own artifact repository for Azure Blob writes it."""
    if environ.get(ENDPOINT):
        raise StoreWrong(
            f"MLflow knows accounts by their names, not by {ENDPOINT}.",
            hint="Set NORTHSTAR_MLFLOW_ARTIFACTS to a folder, or let the name lead to the account.",
        )
    return f"wasbs://{address.container}@{address.account}.blob.{address.cloud}/{address.prefix}"


def role_to_give(address: BlobAddress, environ: Mapping[str, str]) -> str:
    """What a person does when Azure does not let this process in."""
    client = environ.get("AZURE_CLIENT_ID")
    who = f"the identity with the client id {client}" if client else "this process's identity"
    return (
        f"Give {who} the role Storage Blob Data Contributor on the container {address.container} "
        f"of the account {address.account}, and see that the account's network lets it in."
    )


def _check_is_azurite(connection: str) -> None:
    """Raise ``StoreWrong`` unless a connection string leads to this machine."""
    pairs = (part.partition("=") for part in connection.strip().split(";") if part)
    known = {name.strip().lower(): value for name, _, value in pairs}
    host = urlsplit(known.get("blobendpoint", "")).hostname
    if not host:
        raise StoreWrong(
            f"{CONNECTION_STRING} names no BlobEndpoint.",
            hint="It is for azurite. A real account needs no such string: its name stands in the "
            "address, and who asks is the identity of this process.",
        )
    if host not in _LOOPBACK:
        raise StoreWrong(
            f"{CONNECTION_STRING} leads to {host}: keys are for azurite alone.",
            hint="Remove it, and give this process's identity a role.",
        )
