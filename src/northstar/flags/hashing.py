"""Where a user stands between 0 and 100: the hash that every library of the schema agrees on."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

_UINT32_MAX: Final = 0xFFFFFFFF


def percentage(user: str, salt: bytes) -> float:
    r"""The user's place in [0, 100] for this salt.

    SHA-256 of ``user + salt``, its first four bytes as a little-endian unsigned integer, over
    2³² − 1. ``salt`` begins with the newline that separates it from the user.
    """
    digest = sha256(user.encode() + salt).digest()
    return int.from_bytes(digest[:4], "little") / _UINT32_MAX * 100


def salt(hint: str) -> bytes:
    """The salt made of a hint: an allocation's seed, a flag's id, or ``id\\ngroup``."""
    return f"\n{hint}".encode()


def upper_bound(percent: float) -> float:
    """The exclusive end of a range: 100 includes the one user in 2³² who stands exactly there."""
    return float("inf") if percent == 100 else percent
