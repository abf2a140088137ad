"""A small process that runs one command and sees to it that nothing of it is left behind.

It stands between the run and the squad's code. The command gets a session of its own; when it
ends, when its time is up, or when the run dies (its end of our standard input then closes),
whatever is left of that session is killed. On Linux so is what had left the session: as a
"subreaper" (``prctl(2)``) this process inherits the orphans among the command's descendants.
Started as a script, without Northstar's package, it is up in some 20 ms. It reads an order from
its arguments and prints the outcome, both as JSON.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading

_GRACE_SECONDS = 3.0
_PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Run ``{"command", "log", "timeout_seconds"}``; print ``{"code", "timed_out"}``."""
    order = json.loads(sys.argv[1])
    _adopt_orphans()
    try:
        with open(order["log"], "ab") as log:  # noqa: PTH123 - pathlib would double the start-up
            child = subprocess.Popen(
                order["command"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
    except OSError as error:
        sys.stdout.write(json.dumps({"code": None, "timed_out": False, "error": str(error)}))
        return
    threading.Thread(target=_end_with_the_run, args=(child,), daemon=True).start()
    timed_out = False
    try:
        child.wait(order["timeout_seconds"])
    except subprocess.TimeoutExpired:
        timed_out = True
        _stop(child)
    _signal(child, signal.SIGKILL)  # what the command left running in its session
    _end_orphans()
    sys.stdout.write(json.dumps({"code": child.returncode, "timed_out": timed_out}))


def _end_with_the_run(child: subprocess.Popen[bytes]) -> None:
    sys.stdin.read()
    _stop(child)


def _stop(child: subprocess.Popen[bytes]) -> None:
    _signal(child, signal.SIGTERM)
    try:
        child.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        _signal(child, signal.SIGKILL)
        child.wait()


def _adopt_orphans() -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_orphans() -> None:
    """Kill our children until there are none: those of a dead child become ours in their turn."""
    if not sys.platform.startswith("linux"):
        return
    # No child is left, or one has become somebody else, whom we may not kill.
    with contextlib.suppress(ChildProcessError, PermissionError):
        while True:
            for pid in _children():
                os.kill(pid, signal.SIGKILL)
            os.waitpid(-1, 0)


def _children() -> list[int]:
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
            if int(file.read().rpartition(b")")[2].split()[1]) == os.getpid():
                found.append(int(name))
    return found


def _signal(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


if __name__ == "__main__":
    main()
