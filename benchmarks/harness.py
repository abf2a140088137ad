"""What every benchmark shares: its command line, its output, and the measuring of CPU seconds.

A figure is a ratio of two things measured in one call, in turns, so that what else the machine does
hits both alike; in CPU seconds unless its key says otherwise; the median of several rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_CLOCK_OF_A_PROCESS = 2  # clock_getcpuclockid(3), which Python has for threads alone
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Result:
    """What a benchmark found: the figures to steer by, and whatever explains them.

    A figure whose peer is not installed is ``None``.
    """

    figures: dict[str, float | None]
    details: dict[str, Any] = field(default_factory=dict)


def main(name: str, measure: Callable[[bool], Result]) -> None:
    """Run a benchmark as a program; ``measure`` is told whether to be quick."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--quick", action="store_true", help="at most 50 s, smaller sizes")
    parser.add_argument("--json", action="store_true", help="one JSON object, last on stdout")
    options = parser.parse_args()
    result = measure(options.quick)
    figures = {key: _rounded(value) for key, value in result.figures.items()}
    if options.json:
        print(json.dumps({"name": name, "figures": figures, "details": result.details}))
        return
    width = max(len(key) for key in figures)
    print(f"\n{name}")
    for key, value in figures.items():
        print(f"  {key.ljust(width)}  {'not measured' if value is None else f'{value:g}'}")
    for key, value in result.details.items():
        print(f"  {key}: {value}")


def in_turns(measures: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure each in turn, ``rounds`` times; every second round goes backwards."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(rounds):
        order = list(measures)
        for name in order if number % 2 == 0 else reversed(order):
            found[name].append(measures[name]())
    return found


def ratio(of: Sequence[float], to: Sequence[float]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(of, to, strict=True))


@contextmanager
def running(command: Sequence[str], log: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, ended with all its children afterwards."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, start_new_session=True, **options
        )
    try:
        yield process
    finally:
        family = process_tree(process.pid)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pid in family:
            _end(pid)


def process_tree(root: int) -> list[int]:
    """The process and all its living descendants."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and (fields := _stat(int(folder.name))):
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    family, found = [root], 0
    while found < len(family):
        family += children.get(family[found], [])
        found += 1
    return family


def cpu_seconds(root: int) -> float:
    """CPU seconds, user and system, of a process and all its descendants, ended ones included."""
    total = 0
    for pid in process_tree(root):
        if fields := _stat(pid):
            total += sum(int(value) for value in fields[11:15])
    return total / _TICKS


def own_cpu_seconds(pid: int) -> float:
    """CPU seconds of one process alone, to the nanosecond; none of one that has ended."""
    try:
        return time.clock_gettime(~pid << 3 | _CLOCK_OF_A_PROCESS)
    except OSError:
        return 0.0


def resident_mb(root: int) -> float:
    """Resident memory of a process and all its living descendants, in megabytes."""
    pages = 0
    for pid in process_tree(root):
        try:
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            continue  # it has just ended
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for ``condition``; ends the benchmark with a message if it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the name: state, parent, …; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
