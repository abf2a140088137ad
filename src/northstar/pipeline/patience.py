"""Waiting for a platform that is being restarted, instead of throwing a training away."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from northstar.errors import Unavailable

Result = TypeVar("Result")
_PATIENCE_SECONDS = 120.0
_LONGEST_PAUSE_SECONDS = 5.0


def patiently(
    call: Callable[[], Result],
    *,
    say: Callable[[str], None] = lambda _: None,
    patience_seconds: float = _PATIENCE_SECONDS,
) -> Result:
    """Make a call that may be repeated; repeat it while the platform is ``Unavailable``.

    Raises the last ``Unavailable`` after ``patience_seconds``.
    """
    deadline = time.monotonic() + patience_seconds
    pause = 0.25
    while True:
        try:
            return call()
        except Unavailable as error:
            if time.monotonic() + pause > deadline:
                raise
            if pause == 1.0:
                say(f"Waiting: {error.message}")
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
