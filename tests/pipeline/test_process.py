"""Child processes: their end is explained, their log kept, and nothing of them is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from northstar.pipeline.errors import ScriptFailed
from northstar.pipeline.process import Child, run_child


def child(folder: Path, code: str, timeout_seconds: float = 60) -> Child:
    return Child(
        what="The training",
        command=[sys.executable, "-c", code],
        folder=folder,
        environment=dict(os.environ),
        log=folder / "logs" / "train.log",
        timeout_seconds=timeout_seconds,
    )


def failure_of(one: Child) -> str:
    with pytest.raises(ScriptFailed) as caught:
        run_child(one, lambda _: None)
    return caught.value.message


def test_output_is_shown_and_kept(tmp_path: Path) -> None:
    shown: list[str] = []

    run_child(
        child(tmp_path, "import sys; print('hello'); print('oh', file=sys.stderr)"), shown.append
    )

    assert sorted("".join(shown).split()) == ["hello", "oh"]
    assert "hello" in (tmp_path / "logs" / "train.log").read_text()


def test_a_crash_is_told_with_its_last_lines(tmp_path: Path) -> None:
    message = failure_of(child(tmp_path, "print('loading'); raise ValueError('no such column')"))

    assert "ended with exit code 1" in message
    assert "ValueError: no such column" in message


def test_a_silent_exit_says_so(tmp_path: Path) -> None:
    message = failure_of(child(tmp_path, "import os; os._exit(7)"))

    assert message == "The training ended with exit code 7. It said nothing."


def test_a_signal_is_named(tmp_path: Path) -> None:
    message = failure_of(child(tmp_path, "import os; os.kill(os.getpid(), 11)"))

    assert "was killed by SIGSEGV" in message


def test_a_killed_child_hints_at_memory(tmp_path: Path) -> None:
    assert "memory ran out" in failure_of(child(tmp_path, "import os; os.kill(os.getpid(), 9)"))


def test_a_command_that_does_not_exist_is_told(tmp_path: Path) -> None:
    absent = Child("The training", ["no-such-program"], tmp_path, dict(os.environ),
                   tmp_path / "log", 5)  # fmt: skip

    assert "could not be started" in failure_of(absent)


def test_a_hanging_child_is_stopped_with_all_that_it_started(tmp_path: Path) -> None:
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "below = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('pid', 'w').write(str(below.pid))\n"
        "time.sleep(600)\n"
    )

    message = failure_of(child(tmp_path, code, timeout_seconds=1.5))

    assert "took longer than timeout_seconds, 1.5" in message
    wait_until(lambda: not alive(int((tmp_path / "pid").read_text())))


def test_what_left_the_session_is_ended_as_well(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    if os.fork() == 0:\n"
        "        open('part', 'w').write(str(os.getpid()))\n"
        "        os.rename('part', 'pid')\n"
        "        time.sleep(600)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "while not os.path.exists('pid'): time.sleep(0.01)\n"
    )

    run_child(child(tmp_path, code), lambda _: None)

    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_child_dies_with_the_run_that_was_killed(tmp_path: Path) -> None:
    code = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"
    program = (
        "import os, sys; from pathlib import Path\n"
        "from northstar.pipeline.process import Child, run_child\n"
        f"run_child(Child('x', [sys.executable, '-c', {code!r}], Path({str(tmp_path)!r}), "
        f"dict(os.environ), Path({str(tmp_path / 'log')!r}), 600), print)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", program])
    try:
        wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()

    wait_until(lambda: not alive(int((tmp_path / "pid").read_text())))


def alive(pid: int) -> bool:
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "waited 30 s in vain"
        time.sleep(0.05)
