"""Finding out where the platform is and who is asking."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from northstar.connection.foreign_tokens import find_foreign_token
from northstar.errors import Invalid, Unauthenticated

WITHHELD = frozenset(
    {
        "NORTHSTAR_TOKEN",
        "NORTHSTAR_CLIENT_ID",
        "NORTHSTAR_CLIENT_SECRET",
        "NORTHSTAR_CLIENT_KEY",
        "NORTHSTAR_FEDERATED_TOKEN_FILE",
        "NORTHSTAR_FEDERATED_TOKEN_RESOURCE",
        "NORTHSTAR_DATABASE_URL",
        "NORTHSTAR_MLFLOW_DATABASE_URL",
        "NORTHSTAR_ENCRYPTION_KEY",
        "NORTHSTAR_AZURE_MONITOR",
        "NORTHSTAR_SIGN_IN_CLIENT_SECRET",
        "NORTHSTAR_ALERT_WEBHOOK",
    }
)
"""Variables that a process of ours does not hand on to the squad's code that it starts: its own
credentials, and the secrets of a control plane on whose machine it may have been started by hand.
"""


@dataclass(frozen=True)
class Credentials:
    """Who is asking: a ready token, or a client that proves itself in one of three ways.

    Args:
        client_key: a PEM file with the private key of a certificate that the platform knows.
        foreign_token: gets a fresh token of an issuer that the platform trusts, for the platform
            at this address.
    """

    url: str
    token: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    client_key: Path | None = None
    foreign_token: Callable[[str], str] | None = None


def profile_path() -> Path:
    """The file in which ``northstar login`` keeps a connection (mode 0600)."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "northstar" / "connection.json"


def find_credentials(
    environ: Mapping[str, str] | None = None, start: Path | None = None
) -> Credentials:
    """Find out where the platform is and who is asking.

    Raises ``Unauthenticated`` with the ways to connect when nothing was found.
    """
    env = os.environ if environ is None else environ
    if url := env.get("NORTHSTAR_URL"):
        return _from_environment(env, url.rstrip("/"))
    folder = (start or Path.cwd()).resolve()
    embedded = [parent / ".northstar" / "connection.json" for parent in (folder, *folder.parents)]
    for path in (profile_path(), *embedded):
        if path.is_file():
            return _from_file(path)
    raise Unauthenticated(
        "No platform to talk to was found.",
        hint="Start one with `northstar up` (here or in a folder above), "
        "use `northstar login URL`, or set NORTHSTAR_URL and NORTHSTAR_TOKEN.",
    )


def _from_environment(env: Mapping[str, str], url: str) -> Credentials:
    if token := env.get("NORTHSTAR_TOKEN"):
        return Credentials(url, token)
    if client_id := env.get("NORTHSTAR_CLIENT_ID"):
        if secret := env.get("NORTHSTAR_CLIENT_SECRET"):
            return Credentials(url, client_id=client_id, client_secret=secret)
        if key := env.get("NORTHSTAR_CLIENT_KEY"):
            return Credentials(url, client_id=client_id, client_key=Path(key))
        if brought := find_foreign_token(env):
            return Credentials(url, client_id=client_id, foreign_token=brought)
    raise Unauthenticated(
        f"NORTHSTAR_URL is {url}, but nothing says who is asking.",
        hint="Set NORTHSTAR_TOKEN, or NORTHSTAR_CLIENT_ID and NORTHSTAR_CLIENT_SECRET. In GitHub "
        "Actions, Azure Pipelines and Azure no secret is needed: "
        "docs/how-to/service-principal-for-ci.md.",
    )


def _from_file(path: Path) -> Credentials:
    try:
        known = json.loads(path.read_text())
        return Credentials(
            known["url"].rstrip("/"),
            client_id=known["client_id"],
            client_secret=known["client_secret"],
        )
    except OSError as error:
        raise Invalid(
            f"{path} can't be read: {error.strerror}.",
            hint="Is it another user's? Name the platform yourself: NORTHSTAR_URL.",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(
            f"{path} is not a connection file.", hint="Remove it and connect again."
        ) from error
