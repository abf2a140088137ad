"""The address at which callers reach an endpoint, which need not be the one it listens on."""

from __future__ import annotations

from urllib.parse import urlsplit

from northstar.errors import Invalid

_EVERY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104 - named so that it is not told to anybody
_HINT = "Write the address of what stands in front of it, such as https://endpoint.example."


def public_address(public_url: str, host: str, port: int) -> str:
    """What is told to the control plane, and by it to callers, without a slash at its end.

    Args:
        public_url: the address of what stands in front; empty if nothing does.
        host: on which the endpoint listens.
        port: on which the endpoint listens.

    Raises ``Invalid`` for an address that can't be one, and where none can be guessed.
    """
    if not public_url:
        if host in _EVERY_ADDRESS:
            raise Invalid(
                f"An endpoint that listens on {host or 'every address'} has to be told its own.",
                hint=f"Set --public-url or NORTHSTAR_ENDPOINT_URL. {_HINT}",
            )
        return f"http://{host}:{port}"
    try:
        parts = urlsplit(public_url)
        _ = parts.port
    except ValueError as error:
        raise _no_address(public_url) from error
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise _no_address(public_url)
    return public_url.rstrip("/")


def _no_address(public_url: str) -> Invalid:
    return Invalid(f"{public_url!r} is not an address for an endpoint.", hint=_HINT)
