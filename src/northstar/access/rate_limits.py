"""How often one address may try to prove who it is.

Secrets are random and long, so nobody guesses one; the limits keep a flood of guesses from eating
the processor (a secret's hash is slow on purpose) and from filling the audit with refusals. They
are counted in this process: with N replicas an address gets N times as much.
"""

from __future__ import annotations

import ipaddress
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from northstar.access.errors import TooManyAttempts

_ATTEMPTS = "600/minute"
_FAILURES_OF_ONE = "10/5minutes"
_FAILURES = "100/5minutes"


class RateLimits:
    """Counts attempts by address, and failures by address and by what was claimed there.

    A process with a wrong secret that tries again and again shuts out itself alone, not its whole
    machine: what is refused here is not counted as a failure.

    Args:
        attempts: of one address.
        failures_of_one: of one claimed id at one address.
        failures: of all ids at one address.
    """

    def __init__(
        self,
        attempts: str = _ATTEMPTS,
        failures_of_one: str = _FAILURES_OF_ONE,
        failures: str = _FAILURES,
    ) -> None:
        self._attempts, self._one, self._all = map(parse, (attempts, failures_of_one, failures))
        self._windows = SlidingWindowCounterRateLimiter(MemoryStorage())

    def admit(self, address: str, claim: str) -> None:
        """Count an attempt; raises ``TooManyAttempts`` when there were too many.

        Args:
            address: the client's; an empty one, of a local socket, is not limited.
            claim: the id that is claimed, or which door is tried.
        """
        if not address:
            return
        place = _network(address)
        for item, keys in ((self._one, (place, claim)), (self._all, (place,))):
            if not self._windows.test(item, *keys):
                raise self._refusal(item, keys)
        if not self._windows.hit(self._attempts, place):
            raise self._refusal(self._attempts, (place,))

    def failed(self, address: str, claim: str) -> None:
        """Count an attempt that proved nothing."""
        if address:
            self._windows.hit(self._one, _network(address), claim)
            self._windows.hit(self._all, _network(address))

    def _refusal(self, item: RateLimitItem, keys: tuple[str, ...]) -> TooManyAttempts:
        reset = self._windows.get_window_stats(item, *keys).reset_time
        return TooManyAttempts(max(1, round(reset - time.time())))


def _network(address: str) -> str:
    """An IPv6 client has a whole /64 to itself."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False))
