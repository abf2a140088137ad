"""Addresses that others are asked at: https, or on this machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from northstar.errors import Invalid


def check_address(url: str, what: str) -> str:
    """Return an https address, or one on this machine; raises ``Invalid`` for any other."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
    if not host or not secure or parts.username or parts.fragment or parts.query:
        raise Invalid(
            f"{url[:200]!r} can't be the {what}.",
            hint="It must be an https address; http only on this machine.",
        )
    return url


def is_loopback(url: str) -> bool:
    """Whether an address says that it is on this machine."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    plain = getattr(address, "ipv4_mapped", None) or address
    return bool(plain.is_loopback or plain.is_unspecified)
