"""How long to rest after failures in a row, however many there were."""

from __future__ import annotations

_DOUBLINGS = 60  # more would only leave the range of floating-point numbers


def pause_seconds(failures: int, first: float, longest: float) -> float:
    """Seconds to rest: none without a failure, ``first`` after one, then twice as long each time.

    Args:
        longest: what it never exceeds.
    """
    if failures < 1:
        return 0.0
    return min(first * 2.0 ** min(failures - 1, _DOUBLINGS), longest)
