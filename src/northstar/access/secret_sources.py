"""Where secrets come from: a setting names the place, and the secret is read there at start.

``env:NAME``                                        an environment variable
``file:PATH``                                       a file, less the newline at its end
``keyvault:https://VAULT.vault.azure.net/secrets/NAME``  Azure Key Vault; ``/VERSION`` may follow

Anything else is taken for the secret itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from northstar.errors import Failed, Invalid, NotFound
from northstar.telemetry.azure_identity import azure_credential


class SecretSource(Protocol):
    """A place that holds secrets."""

    def read(self, name: str) -> str:
        """The secret of this name. Blocks. Raises ``NotFound``, ``Invalid`` or ``Failed``, none of
        which tells anything of the secret.
        """
        ...


class EnvironmentVariables:
    """Secrets in environment variables."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ

    def read(self, name: str) -> str:
        if value := self._environ.get(name):
            return value
        raise NotFound(f"The environment variable {name}, which shall hold a secret, is not set.")


class Files:
    """Secrets in files, as orchestrators mount them."""

    def read(self, name: str) -> str:
        try:
            return Path(name).read_text().rstrip("\r\n")
        except OSError as error:
            raise NotFound(f"The secret's file {name} can't be read: {error.strerror}.") from error


class KeyVault:
    """Secrets in Azure Key Vault, read with the identity of this process.

    Args:
        credential: an ``azure.core`` token credential; this process's own without one.
        options: for ``azure.keyvault.secrets.SecretClient``.
    """

    def __init__(self, credential: Any = None, **options: Any) -> None:
        self._credential = credential
        self._options = options

    def read(self, name: str) -> str:
        vault, secret, version = _parts_of(name)
        try:
            from azure.core.exceptions import AzureError, ResourceNotFoundError
            from azure.keyvault.secrets import SecretClient
        except ImportError as error:
            raise Failed(
                "Reading from Key Vault needs Azure's libraries.",
                hint="pip install 'northstar-mlops[azure]'",
            ) from error
        credential = self._credential or azure_credential()
        try:
            with SecretClient(vault, credential, **self._options) as client:
                value = client.get_secret(secret, version).value
        except ResourceNotFoundError as error:
            raise NotFound(f"{vault} holds no secret {secret}.") from error
        except (AzureError, ValueError) as error:  # ValueError: who answers is no vault
            raise Failed(
                f"The secret {secret} could not be read from {vault}: {type(error).__name__}.",
                hint="Does this process's identity have the role Key Vault Secrets User there?",
            ) from error
        if not value:
            raise NotFound(f"The secret {secret} in {vault} is empty.")
        return value


def read_secret(reference: str, sources: Mapping[str, SecretSource] | None = None) -> str:
    """The secret that ``reference`` leads to; raises what ``SecretSource.read`` raises.

    Args:
        sources: by the word before the colon; those of this module without it.
    """
    scheme, colon, name = reference.partition(":")
    known = default_sources() if sources is None else sources
    if colon and (source := known.get(scheme)):
        return source.read(name)
    return reference


def default_sources(environ: Mapping[str, str] | None = None) -> dict[str, SecretSource]:
    """Every source that there is."""
    return {"env": EnvironmentVariables(environ), "file": Files(), "keyvault": KeyVault()}


def _parts_of(address: str) -> tuple[str, str, str | None]:
    """Vault, name and version of ``https://VAULT/secrets/NAME[/VERSION]``."""
    parts = urlsplit(address)
    steps = parts.path.strip("/").split("/")
    if parts.scheme != "https" or not 2 <= len(steps) <= 3 or steps[0] != "secrets":
        raise Invalid(
            f"{address!r} is not the address of a secret in Key Vault.",
            hint="Write keyvault:https://VAULT.vault.azure.net/secrets/NAME.",
        )
    return f"https://{parts.netloc}", steps[1], steps[2] if len(steps) == 3 else None
