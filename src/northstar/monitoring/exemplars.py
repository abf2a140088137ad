"""Exemplars: the few traced predictions that a window's findings name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

MOST = 8


def choose(traces: Iterable[str]) -> tuple[str, ...]:
    """At most ``MOST`` different traces, those whose hashes are the smallest.

    What is chosen from everything is what is chosen from the parts' choices, in any order: windows
    can be merged, and a repeated ingestion names the same predictions.
    """
    return tuple(sorted(set(traces), key=_rank)[:MOST])


def _rank(trace: str) -> bytes:
    return hashlib.blake2b(trace.encode(), digest_size=8).digest()
