"""PostgreSQL without passwords: each new connection signs in with a fresh token of Entra's.

Azure checks the token when a connection is made and not again. MLflow makes an engine of its own
from a URL, and Alembic works on connections of either; so the token is given where all of them
come by, in SQLAlchemy's event for new connections, and to the platform's own databases alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Engine, event, make_url
from sqlalchemy.exc import ArgumentError

from northstar.errors import Invalid, Unavailable
from northstar.telemetry.azure_identity import azure_credential

ENTRA = "entra"
SCOPE = "https://ossrdbms-aad.database.windows.net/.default"
_HERE = ("", "localhost", "127.0.0.1", "::1")


@contextmanager
def signing_in_to_databases(urls: Sequence[str], credential: Any = None) -> Iterator[None]:
    """Let this process's connections to these databases sign in as its identity, in the block.

    A connection is then refused with ``Unavailable`` when there is no token.

    Args:
        urls: as ``check_database`` takes them; without any, nothing is done.
        credential: an ``azure.core`` token credential, which remembers its tokens; this process's
            own without one.
    """
    if not urls:
        yield
        return
    known = azure_credential() if credential is None else credential
    ours = {_server(_parameters(make_url(url))) for url in urls}

    def give_token(
        _dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]
    ) -> None:
        if _server(parameters) in ours:
            parameters["password"] = _token(known)

    event.listen(Engine, "do_connect", give_token)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", give_token)


def check_database(setting: str, url: str) -> None:
    """Raise ``Invalid`` for a database that can't be signed in to by token, or not safely."""
    try:
        place = make_url(url)
    except ArgumentError as error:
        raise Invalid(f"{setting} is not the URL of a database.") from error
    if place.drivername != "postgresql+psycopg" or not place.username or place.password:
        raise Invalid(
            f"{setting} is not a URL to sign in to with NORTHSTAR_DATABASE_IDENTITY={ENTRA}.",
            hint="Write postgresql+psycopg://IDENTITY@HOST:5432/DATABASE?sslmode=verify-full, with "
            "the name of the identity and no password.",
        )
    if _leaves_this_machine(place) and place.query.get("sslmode") != "verify-full":
        raise Invalid(
            f"{setting} would send a token to whoever answers as {place.host}.",
            hint="Add sslmode=verify-full and sslrootcert=FILE (docs/reference/settings.md).",
        )


def _leaves_this_machine(place: URL) -> bool:
    return (place.host or "") not in _HERE


def _parameters(place: URL) -> dict[str, Any]:
    """With what an engine of this URL would connect."""
    return dict(place.get_dialect()().create_connect_args(place)[1])


def _server(parameters: dict[str, Any]) -> tuple[str, int, str, str]:
    """Which database a connection is for, and as whom; a host says too little."""
    return (
        parameters.get("host") or "",
        int(parameters.get("port") or 5432),
        parameters.get("user") or "",
        parameters.get("dbname") or "",
    )


def _token(credential: Any) -> str:
    from azure.core.exceptions import AzureError

    try:
        return str(credential.get_token(SCOPE).token)
    except AzureError as error:
        raise Unavailable(
            f"There is no token for PostgreSQL: {type(error).__name__}: {error}",
            hint="Does this process have an identity? AZURE_CLIENT_ID says which, if it has many.",
        ) from error
