"""Running the squad's code: in a process of its own, with its log kept and its end explained."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from northstar.connection.credentials import WITHHELD
from northstar.errors import Failed
from northstar.pipeline.errors import ScriptFailed
from northstar.telemetry.propagation import outgoing
from northstar.telemetry.settings import SECRETS
from northstar.telemetry.trace_context import VARIABLE

_GUARDIAN = Path(__file__).with_name("guardian.py")
_POLL_SECONDS = 0.05
_LAST_LINES = 12
# They would beat what this run says of itself.
_SOMEBODY_ELSES_RUN = frozenset(
    {
        "MLFLOW_EXPERIMENT_ID",
        "MLFLOW_RUN_ID",
        "MLFLOW_TRACKING_USERNAME",
        "MLFLOW_TRACKING_PASSWORD",
    }
)

Echo = Callable[[str], None]
"""Takes what a child says, as it says it."""


@dataclass(frozen=True)
class Child:
    """A command to run and where.

    Args:
        what: the child's name in messages, such as ``The training script``.
        folder: its working directory.
        environment: all of it; ``python_environment`` gives one to begin with.
        log: where its output is appended.
    """

    what: str
    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    log: Path
    timeout_seconds: float


def run_child(child: Child, echo: Echo) -> float:
    """Run a child to its end and return the seconds it took.

    Whatever the child started is gone when this returns, and also when this process dies.
    Raises ``ScriptFailed`` with the last lines of the log if it did not end with exit code 0.
    """
    child.log.parent.mkdir(parents=True, exist_ok=True)
    child.log.touch()
    said_before = child.log.stat().st_size
    order = {
        "command": list(child.command),
        "log": str(child.log),
        "timeout_seconds": child.timeout_seconds,
    }
    start = time.monotonic()
    guardian = subprocess.Popen(
        [sys.executable, "-I", "-S", str(_GUARDIAN), json.dumps(order)],
        cwd=child.folder,
        env=dict(child.environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # an interrupt at the terminal is for us to pass on
    )
    try:
        _follow(guardian, child.log, said_before, echo)
    except BaseException:
        _let_go(guardian)
        raise
    seconds = time.monotonic() - start
    outcome = _outcome(guardian)
    if outcome != {"code": 0, "timed_out": False}:
        raise ScriptFailed(_explain(child, outcome), hint=f"Its whole log: {child.log}")
    return seconds


def python_environment(project: Path) -> dict[str, str]:
    """This process's environment less its credentials and its place in MLflow, for a child that
    finds this Python and the modules of the project's folder, and is part of the current trace.
    """
    here = str(Path(sys.executable).parent)
    known = [str(project), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **{
            name: value
            for name, value in os.environ.items()
            if name not in WITHHELD | SECRETS and name not in _SOMEBODY_ELSES_RUN
        },
        "PATH": os.pathsep.join([here, os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": os.pathsep.join(known),
        "PYTHONUNBUFFERED": "1",
        **_trace(),
    }


def _trace() -> dict[str, str]:
    context = outgoing()
    return {VARIABLE: str(context)} if context else {}


def _follow(guardian: subprocess.Popen[bytes], log: Path, position: int, echo: Echo) -> None:
    with log.open("rb") as file:
        file.seek(position)
        while True:
            ended = guardian.poll() is not None
            if said := file.read():
                echo(said.decode(errors="replace"))
            if ended:
                return
            time.sleep(_POLL_SECONDS)


def _let_go(guardian: subprocess.Popen[bytes]) -> None:
    assert guardian.stdin is not None  # noqa: S101 - opened as a pipe above
    guardian.stdin.close()  # the guardian ends what it guards
    guardian.wait()


def _outcome(guardian: subprocess.Popen[bytes]) -> dict[str, object]:
    said, _ = guardian.communicate()
    try:
        outcome = json.loads(said)
    except ValueError:
        raise Failed(
            f"The process that guards the squad's code ended with code {guardian.returncode}."
        ) from None
    return dict(outcome)


def _explain(child: Child, outcome: Mapping[str, object]) -> str:
    code = outcome["code"]
    if outcome["timed_out"]:
        how = f"was stopped: it took longer than timeout_seconds, {child.timeout_seconds:g}"
    elif not isinstance(code, int):
        how = f"could not be started: {outcome.get('error')}"
    elif code < 0:
        how = f"was killed by {_signal_name(-code)}"
    else:
        how = f"ended with exit code {code}"
    lines = child.log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
    said = "".join(f"\n  | {line}" for line in lines) if lines else " It said nothing."
    return f"{child.what} {how}.{' Its last lines:' if lines else ''}{said}"


def _signal_name(number: int) -> str:
    memory = ", perhaps because memory ran out" if number == signal.SIGKILL else ""
    try:
        return f"{signal.Signals(number).name}{memory}"
    except ValueError:
        return f"signal {number}"
