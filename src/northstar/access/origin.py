"""Where a request came from and how its sender was known: what the audit keeps of its origin.

Set once at the outer edge of the application and read where something is recorded, so that no
signature in between has to carry it. Outside of a request it is empty: the platform itself acts.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, replace

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from northstar.errors import Invalid

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_FORWARDED = "x-forwarded-for"


@dataclass(frozen=True)
class Origin:
    """Where a request came from.

    Args:
        address: the client's network address.
        credential: how its sender was known, never the secret itself: ``token:<jti>``,
            ``secret:<number>``, ``session:<digest>`` or ``link:<digest>``.
    """

    address: str = ""
    credential: str = ""


_NOWHERE = Origin()
_current: ContextVar[Origin] = ContextVar("northstar_origin", default=_NOWHERE)


def current_origin() -> Origin:
    """The origin of the request that is being answered; empty outside of one."""
    return _current.get()


def came_through(credential: str) -> None:
    """Note by which credential the sender of the present request was known."""
    _current.set(replace(_current.get(), credential=credential))


class OriginMiddleware:
    """ASGI middleware that notes each request's client address; the outermost of an application.

    Args:
        trusted_proxies: networks whose ``X-Forwarded-For`` is believed, such as ``10.0.0.0/8``;
            from anybody else the header is hearsay. Raises ``Invalid`` for what is no network.
    """

    def __init__(self, app: ASGIApp, trusted_proxies: Iterable[str] = ()) -> None:
        self._app = app
        self._trusted = tuple(_network(text) for text in trusted_proxies)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            _current.set(Origin(self._client(scope)))
        await self._app(scope, receive, send)

    def _client(self, scope: AsgiScope) -> str:
        """The nearest address that is no trusted proxy: what stands left of it can be made up."""
        peer = scope.get("client")
        address = str(peer[0]) if peer else ""
        if not self._trusts(address):
            return address
        for hop in reversed(_hops(Headers(scope=scope))):
            if _parsed(hop) is None:
                break
            address = hop
            if not self._trusts(hop):
                break
        return address

    def _trusts(self, address: str) -> bool:
        found = _parsed(address)
        return found is not None and any(found in network for network in self._trusted)


def _hops(headers: Headers) -> list[str]:
    return [hop.strip() for line in headers.getlist(_FORWARDED) for hop in line.split(",")]


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None


def _network(text: str) -> _Network:
    try:
        return ipaddress.ip_network(text.strip())
    except ValueError as error:
        raise Invalid(
            f"{text!r} is not a network of trusted proxies.", hint="Write it like 10.0.0.0/8."
        ) from error
