"""A small process that runs one command and sees to it that nothing of it is left behind.

It stands between the run and the squad's code. The command gets a session of its own; when it
ends, when its time is up, or when the run dies (its end of our standard input then closes),
whatever is left of that session is killed. Started as a script, without Northstar's package, it
is up in some 20 ms. It reads an order from its arguments and prints the outcome, both as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading

_GRACE_SECONDS = 3.0


def main() -> None:
    """Run ``{"command", "log", "timeout_seconds"}``; print ``{"code", "timed_out"}``."""
    order = json.loads(sys.argv[1])
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


def _signal(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


if __name__ == "__main__":
    main()
