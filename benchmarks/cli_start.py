"""How long ``northstar --help`` takes, against a bare Python start (wall time)."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

from benchmarks.harness import Result, in_turns, main, ratio

_HELP = (sys.executable, "-m", "northstar", "--help")
_BARE = (sys.executable, "-c", "pass")


def measure(quick: bool) -> Result:
    """Time both commands in turns."""
    commands: dict[str, Callable[[], float]] = {
        "help": partial(_seconds, _HELP),
        "python": partial(_seconds, _BARE),
    }
    in_turns(commands, 1)  # the first start fills caches
    times = in_turns(commands, 11 if quick else 31)
    return Result(
        {"help_vs_python": ratio(times["help"], times["python"])},
        {f"{name}_ms": round(statistics.median(t) * 1000, 1) for name, t in times.items()},
    )


def _seconds(command: tuple[str, ...]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main("cli_start", measure)
