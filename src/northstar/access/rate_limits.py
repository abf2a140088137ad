"""How often one address may try to prove who it is.

Secrets are random and long, so nobody guesses one; the limits keep a flood of guesses from eating
the processor (a secret's hash is slow on purpose) and from filling the audit with refusals.

Without a store they are counted in this process: with N replicas an address gets N times as much.
A store that replicas share is a help and no condition: while it is away, each counts for itself.
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from limits import RateLimitItem, parse
from limits.errors import ConfigurationError, StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from northstar.access.errors import TooManyAttempts
from northstar.clock import Clock, SystemClock
from northstar.errors import Invalid, Unavailable

log = logging.getLogger(__name__)

_ATTEMPTS = "600/minute"
_FAILURES_OF_ONE = "10/5minutes"
_FAILURES = "100/5minutes"
_SETTING = "NORTHSTAR_RATE_LIMIT_STORE"
_MEMORY = "memory"
_SHARED = ("redis", "rediss", "redis+unix")
_ANSWER_SECONDS = 0.5
_LEFT_ALONE_SECONDS = 10.0


class RateLimits:
    """Counts attempts by address, and failures by address and by what was claimed there.

    A process with a wrong secret that tries again and again shuts out itself alone, not its whole
    machine: what is refused here is not counted as a failure.

    Args:
        attempts: of one address.
        failures_of_one: of one claimed id at one address.
        failures: of all ids at one address.
        store: where it is counted for all replicas, ``redis://…``; empty, or ``memory://``, for
            this process alone. ``Invalid`` for an address that can't be used.
    """

    def __init__(
        self,
        attempts: str = _ATTEMPTS,
        failures_of_one: str = _FAILURES_OF_ONE,
        failures: str = _FAILURES,
        *,
        store: str = "",
        clock: Clock | None = None,
    ) -> None:
        self._attempts, self._one, self._all = map(parse, (attempts, failures_of_one, failures))
        self._here = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._store = _shared_store(store)
        self._shared = SlidingWindowCounterRateLimiter(self._store) if self._store else None
        self._clock = clock or SystemClock()
        self._away_until = float("-inf")

    def check(self) -> None:
        """Raises ``Unavailable`` when there is a store and it does not answer."""
        if self._store and not self._store.check():
            raise Unavailable(
                f"The store of rate limits ({_SETTING}) does not answer, or not to this process.",
                hint="Correct the address and its password, or do without: each replica then "
                "counts for itself.",
            )

    def admit(self, address: str, claim: str) -> None:
        """Count an attempt; raises ``TooManyAttempts`` when there were too many. May block.

        Args:
            address: the client's; an empty one, of a local socket, is not limited.
            claim: the id that is claimed, or which door is tried.
        """
        if address:
            place = _network(address)
            self._count(lambda windows: self._admit(windows, place, claim))

    def failed(self, address: str, claim: str) -> None:
        """Count an attempt that proved nothing. May block."""
        if address:
            place = _network(address)
            self._count(lambda windows: self._failed(windows, place, claim))

    def _admit(self, windows: SlidingWindowCounterRateLimiter, place: str, claim: str) -> None:
        for item, keys in ((self._one, (place, claim)), (self._all, (place,))):
            if not windows.test(item, *keys):
                raise _refusal(windows, item, keys)
        if not windows.hit(self._attempts, place):
            raise _refusal(windows, self._attempts, (place,))

    def _failed(self, windows: SlidingWindowCounterRateLimiter, place: str, claim: str) -> None:
        windows.hit(self._one, place, claim)
        windows.hit(self._all, place)

    def _count(self, count: Callable[[SlidingWindowCounterRateLimiter], None]) -> None:
        """In the store, or here for a while after it did not answer."""
        if self._shared and self._clock.monotonic() >= self._away_until:
            try:
                return count(self._shared)
            except StorageError as error:
                self._away_until = self._clock.monotonic() + _LEFT_ALONE_SECONDS
                log.warning(
                    "the store of rate limits does not answer, so this replica counts for itself "
                    "for %.0f s: %s", _LEFT_ALONE_SECONDS, error.storage_error,
                )  # fmt: skip
        return count(self._here)


def _refusal(
    windows: SlidingWindowCounterRateLimiter, item: RateLimitItem, keys: tuple[str, ...]
) -> TooManyAttempts:
    reset = windows.get_window_stats(item, *keys).reset_time
    return TooManyAttempts(max(1, round(reset - time.time())))


def _shared_store(address: str) -> RedisStorage | None:
    scheme = urlsplit(address).scheme
    if not address or scheme == _MEMORY:
        return None
    if scheme not in _SHARED:
        raise Invalid(
            f"{_SETTING} leads to {scheme or 'nothing'}://, which is no store of rate limits.",
            hint=f"It can be {_MEMORY}://, or {', '.join(f'{one}://…' for one in _SHARED)}.",
        )
    try:
        return RedisStorage(
            address,
            wrap_exceptions=True,
            key_prefix="northstar",
            socket_timeout=_ANSWER_SECONDS,
            socket_connect_timeout=_ANSWER_SECONDS,
        )
    except ConfigurationError as error:
        raise Invalid(
            f"{_SETTING} leads to Redis, and its library is not installed, or too old.",
            hint="pip install 'northstar-mlops[redis]'",
        ) from error
    except ValueError as error:
        raise Invalid(
            f"{_SETTING} is no address of a Redis server.",
            hint="Write redis://HOST:PORT, or rediss://:PASSWORD@HOST:PORT.",
        ) from error


def _network(address: str) -> str:
    """An IPv6 client has a whole /64 to itself."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False))
