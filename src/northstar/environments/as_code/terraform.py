"""The real ``terraform``, driven: prepared, planned, shown and applied in a folder of our own.

Terraform speaks to us in JSON lines ("Machine-Readable UI" in its documentation); what it says of
errors is passed on with the part of the platform that it is about. Its state stays where its
backend keeps it. When we are asked to stop, it is: it ends what it has begun, writes its state and
gives its lock back, and we wait for that.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from northstar.environments.as_code.errors import (
    PlanStale,
    StateLocked,
    TerraformFailed,
    TerraformStopped,
)
from northstar.environments.as_code.wording import named, part_of
from northstar.environments.domain import ResourceChange
from northstar.errors import Failed, NorthstarError

OLDEST = (1, 9)
_NO_CHANGES, _CHANGES = 0, 2
_PATIENCE = 3
_SECONDS_TO_A_SIGNAL = 0.5
_MOST_NAMED = 20
_STOPPING = "Stopping in order, so that the state is whole; Ctrl-C again does not wait."
_ERRORED = "errored.tfstate"  # how Terraform calls it
_GO_ON = "The state knows what was done. Mend the cause, then plan and apply again."
_NOT_SIGNED_IN = ("Azure CLI", "AzureCli", "az login", "build authorizer")
_LOCK_INFO = re.compile(r"(ID|Operation|Who|Created):[ ]+(\S.*?)\s*$", re.MULTILINE)
_GUARDED = re.compile(r"Resource (\S+) has lifecycle\.prevent_destroy set")
_TAKE_BACK = (
    "Something new in platform.yaml makes it anew, such as another region, subscription or name: "
    "take that back. To move a stage, make another one, bring the data there, and then "
    "`northstar env destroy` the old one."
)
_UNWANTED = ("TF_VAR_", "TF_CLI_ARGS", "TF_WORKSPACE", "TF_LOG")
_DOING = {"create": "making", "update": "changing", "delete": "removing", "replace": "replacing"}
_DONE = {"create": "made", "update": "changed", "delete": "removed", "replace": "replaced"}

Tell = Callable[[str], None]
"""Tells a person how far the work is."""


@dataclass
class Progress:
    """How far an apply is: what is planned, what was done to which address, and what failed."""

    planned: tuple[ResourceChange, ...] = ()
    done: list[tuple[str, str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def finished(self) -> tuple[ResourceChange, ...]:
        """What was done of what is planned; what was only removed of a replacement, is removed."""
        found = []
        for change in self.planned:
            actions = {action for action, address in self.done if address == change.address}
            half = change.what == "replace" and actions == {"delete"}
            if actions:
                found.append(change.model_copy(update={"what": "destroy"}) if half else change)
        return tuple(found)

    def left(self) -> list[str]:
        """Addresses of what is planned and not done: first those that failed."""
        done = {change.address: change.what for change in self.finished()}
        open_ = [one.address for one in self.planned if done.get(one.address) != one.what]
        return list(dict.fromkeys((*self.failed, *open_)))


class Terraform:
    """Terraform on one root module.

    Args:
        root: the root module's folder.
        data: where Terraform keeps its plug-ins and what it knows of its backend.
        patience_seconds: how long it waits for somebody else's lock.
    """

    def __init__(
        self,
        root: Path,
        data: Path,
        environ: Mapping[str, str] | None = None,
        *,
        patience_seconds: int = 60,
    ) -> None:
        self._root = root
        self._data = data
        self._lock = f"-lock-timeout={patience_seconds}s"
        env = os.environ if environ is None else environ
        kept = {name: value for name, value in env.items() if not name.startswith(_UNWANTED)}
        own = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
        self._environment = {**kept, **own, "TF_DATA_DIR": str(data)}
        self._binary = _find(env.get("NORTHSTAR_TERRAFORM", "terraform"), self._environment)

    def init(self, *backend: str) -> None:
        """Get modules and providers ready, and open the backend with these settings."""
        given = [f"-backend-config={one}" for one in backend]
        self._run("init", "-reconfigure", *given, doing="prepare")

    def plan(self, to: Path, tell: Tell, *, destroy: bool = False) -> bool:
        """Save a plan, readable by us alone; says whether it changes anything.

        Raises ``StateLocked``, ``TerraformStopped``, ``TerraformFailed``.
        """
        self._check_state_is_whole()
        options = ["-detailed-exitcode", self._lock, f"-out={to}"]
        options += ["-destroy"] if destroy else []
        old = os.umask(0o077)
        try:
            ended = self._follow(("plan", *options), lambda _: None, tell)
        finally:
            os.umask(old)
        if ended.stopped:
            to.unlink(missing_ok=True)
            raise TerraformStopped("Stopped while it planned: nothing was changed.")
        if ended.code not in (_NO_CHANGES, _CHANGES):
            raise _failure("plan", ended.errors)
        return ended.code == _CHANGES

    def show(self, plan: Path) -> dict[str, Any]:
        """What ``terraform show -json`` says of a saved plan; secrets included, so keep it here."""
        shown: dict[str, Any] = json.loads(self._run("show", "-json", str(plan), doing="read"))
        return shown

    def apply(self, plan: Path, progress: Progress, tell: Tell) -> None:
        """Do what a saved plan says, and write into ``progress`` what was done.

        Raises ``PlanStale`` when the state has changed since, ``StateLocked``, and
        ``TerraformStopped`` or ``TerraformFailed`` with an account of what was done and what not
        when it ended half-way.
        """

        tell = _while_heard(tell)

        def hear(message: Mapping[str, Any]) -> None:
            _hear(message, progress, tell)

        try:
            ended = self._follow(("apply", self._lock, str(plan)), hear, tell)
        finally:
            rescued = self.rescue_state()
        if ended.code == 0:
            return
        if any("stale" in one.lower() for one in ended.errors):
            raise PlanStale(
                "The plan is stale: somebody applied another one since it was made.",
                hint="Plan again, and look at what it says now.",
            )
        if ended.stopped:
            raise TerraformStopped(
                "\n".join(["Stopped before all was done.", *_account(progress)]),
                hint=rescued or _GO_ON,
            )
        raise _failure("apply", ended.errors, progress, rescued)

    def rescue_state(self) -> str:
        """Put a state that could not be written where nobody deletes it, if there is one; a hint.

        To be called before the root is made anew, too: an apply that was killed could not do it.
        """
        errored, kept = self._root / _ERRORED, self._unwritten()
        if not errored.is_file():
            return ""
        shutil.move(errored, kept)
        return (
            f"Its state could not be written! It is in {kept}: keep it, and write it back before "
            "anybody plans again; the next plan says how."
        )

    def _unwritten(self) -> Path:
        """Where a state is kept that Terraform could not write to its backend."""
        return self._data.parent / _ERRORED

    def _check_state_is_whole(self) -> None:
        """What is made on top of an old state, is made twice."""
        if (kept := self._unwritten()).is_file():
            raise TerraformFailed(
                f"The last apply could not write its state; it is in {kept}.",
                hint=f"Write it back, then delete the file: {self._push(kept)}",
            )

    def _push(self, kept: Path) -> str:
        return f"TF_DATA_DIR={self._data} terraform -chdir={self._root} state push {kept}"

    def _run(self, command: str, *arguments: str, doing: str) -> str:
        done = subprocess.run(
            [str(self._binary), f"-chdir={self._root}", command, "-no-color", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise _failure(doing, [_plain(done.stderr or done.stdout)])
        return done.stdout

    def _follow(
        self, arguments: Sequence[str], hear: Callable[[Mapping[str, Any]], None], tell: Tell
    ) -> _Ended:
        """Run a command that tells its progress."""
        command, *options = arguments
        errors: list[str] = []
        other: list[str] = []  # what it says in no format, such as of its own settings
        with (
            _stopping(_while_heard(tell)) as stop,
            subprocess.Popen(
                [str(self._binary), f"-chdir={self._root}", command, "-json", *options],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                process_group=0,  # Ctrl-C in a terminal reaches it through us, and once
            ) as process,
        ):
            stop.reaches(process)
            for message in _messages(process, other):
                if found := _error(message):
                    errors.append(found)
                hear(message)
            code = process.wait()
        return _Ended(code, errors or [_plain("".join(other))], stop.asked > 0)


@dataclass(frozen=True)
class _Ended:
    """How a command ended, and whether it had been asked to."""

    code: int
    errors: list[str]
    stopped: bool


class _Stop:
    """Passes requests to stop on to Terraform.

    The first lets it end in order, the second at once, the third kills it. Continuous integration
    asks with SIGINT or SIGTERM, a terminal that is closed with SIGHUP; Terraform is asked in the
    same way for all of them.
    """

    def __init__(self, tell: Tell) -> None:
        self.asked = 0
        self._process: subprocess.Popen[str] | None = None
        # Told from the handler itself, it could come in the middle of another line: Python refuses
        # to begin a write within a write of the same thread.
        self._told = threading.Thread(target=tell, args=(_STOPPING,))

    def __call__(self, _number: int, _frame: object) -> None:
        self.asked += 1
        if self.asked == 1:
            self._told.start()
        self._pass_on()

    def reaches(self, process: subprocess.Popen[str]) -> None:
        """From now on; what was asked before, is passed on."""
        self._process = process
        if self.asked:
            self._pass_on()

    def end(self) -> None:
        """Wait until all is told."""
        if self.asked:
            self._told.join()

    def _pass_on(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT if self.asked < _PATIENCE else signal.SIGKILL)


@contextmanager
def _stopping(tell: Tell) -> Iterator[_Stop]:
    """Signals reach the main thread alone; in another one, nothing is asked."""
    stop = _Stop(tell)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    ours = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, stop) for number in numbers} if ours else {}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.end()


def _while_heard(tell: Tell) -> Tell:
    """A terminal that has gone away ends no work of Terraform's."""

    def told(message: str) -> None:
        with suppress(OSError):
            tell(message)

    return told


def _find(name: str, environment: Mapping[str, str]) -> Path:
    found = shutil.which(name, path=environment.get("PATH"))
    if found is None:
        raise Failed(
            f"There is no {name} on this machine.",
            hint="Install Terraform 1.9 or later (developer.hashicorp.com/terraform/install), "
            "or name the program in NORTHSTAR_TERRAFORM.",
        )
    asked = subprocess.run(
        [found, "version", "-json"], env=environment, capture_output=True, text=True, check=False
    )
    try:
        version = json.loads(asked.stdout)["terraform_version"]
        numbers = tuple(int(part) for part in version.split("-")[0].split("."))
    except (ValueError, KeyError, TypeError):
        raise Failed(f"{found} does not say which Terraform it is: {asked.stderr[:200]}") from None
    if numbers[:2] < OLDEST:
        raise Failed(
            f"{found} is Terraform {version}; {OLDEST[0]}.{OLDEST[1]} or later is needed.",
            hint="Install a later one, or name it in NORTHSTAR_TERRAFORM.",
        )
    return Path(found)


def _messages(process: subprocess.Popen[str], other: list[str]) -> Iterator[Mapping[str, Any]]:
    for line in _lines(process):
        try:
            message = json.loads(line)
        except ValueError:
            other.append(line)
            continue
        if isinstance(message, dict):
            yield message


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """What a process writes; signals are handled in between, however long it writes nothing.

    A read that blocks would not do: a signal that came just before it waits until it ends.
    """
    assert process.stdout is not None  # noqa: S101 - it was asked for
    stdout, lines = process.stdout, SimpleQueue[str | None]()

    def read() -> None:
        for line in stdout:
            lines.put(line)
        lines.put(None)

    reader = threading.Thread(target=read, name="terraform", daemon=True)
    reader.start()
    while True:
        try:
            line = lines.get(timeout=_SECONDS_TO_A_SIGNAL)
        except Empty:
            continue
        if line is None:
            break
        yield line
    reader.join()


def _error(message: Mapping[str, Any]) -> str:
    """What an error says, with the part of the platform that it is about; empty for others."""
    if message.get("@level") != "error":
        return ""
    said = message.get("diagnostic", {})
    if not said:
        return str(message.get("@message", ""))
    where = f"{part_of(said['address'])}: " if said.get("address") else ""
    return f"{where}{said.get('summary', '')} {said.get('detail', '')}".strip()


def _hear(message: Mapping[str, Any], progress: Progress, tell: Tell) -> None:
    hook = message.get("hook", {})
    address = hook.get("resource", {}).get("addr", "")
    action = hook.get("action", "")
    if not address or action not in _DOING:
        return
    if message["type"] == "apply_start":
        tell(f"{_DOING[action]} {named(address)}")
    elif message["type"] == "apply_complete":
        progress.done.append((action, address))
    elif message["type"] == "apply_errored":
        progress.failed.append(address)


def _failure(
    doing: str, errors: Sequence[str], progress: Progress | None = None, hint: str = ""
) -> NorthstarError:
    said = [one for one in dict.fromkeys(errors) if one] or ["Terraform did not say why."]
    if any("state lock" in one.lower() for one in said):
        return _locked(said)
    if guarded := sorted({named(found[1]) for one in said if (found := _GUARDED.search(one))}):
        said = [one for one in said if not _GUARDED.search(one)]
        said += [
            f"{one} is protected, with the data in it, and would be removed." for one in guarded
        ]
        hint = hint or _TAKE_BACK
    if any(sign in one for one in said for sign in _NOT_SIGNED_IN):
        hint = hint or "Sign in to Azure: az login, or ARM_USE_OIDC and its like in a pipeline."
    lines = [f"Terraform could not {doing}:", *(f"  {one}" for one in said)]
    if progress is None:
        return TerraformFailed("\n".join(lines), hint=hint)
    return TerraformFailed("\n".join([*lines, *_account(progress)]), hint=hint or _GO_ON)


def _locked(said: Sequence[str]) -> StateLocked:
    """Who holds the lock, as far as Terraform knows."""
    found = dict(_LOCK_INFO.findall("\n".join(said)))
    who = f" by {found['Who']}" if "Who" in found else ""
    since = f" since {found['Created']}" if "Created" in found else ""
    doing = f", for {found['Operation']}" if "Operation" in found else ""
    lock = found.get("ID", "ID")
    return StateLocked(
        f"The state is locked{who}{since}{doing}: nothing was changed.",
        hint="Wait until that has ended. If it surely died: "
        f"terraform force-unlock {lock}, in the folder of the stage.",
    )


def _account(progress: Progress) -> list[str]:
    """What was done, and what was not."""
    left = progress.left()
    lines = ["Nothing was changed before that."]
    if progress.done:
        done = [f"  {_DONE[action]} {named(address)}" for action, address in progress.done]
        lines = [f"Done ({len(done)}):", *_cut(done)]
    if left:
        failed = [f"  {named(one)} (failed)" for one in left if one in progress.failed]
        others = [f"  {named(one)}" for one in left if one not in progress.failed]
        lines += [f"Not done ({len(left)}):", *_cut([*failed, *others])]
    return lines


def _cut(lines: list[str]) -> list[str]:
    more = len(lines) - _MOST_NAMED
    return [*lines[:_MOST_NAMED], *([f"  and {more} more"] if more > 0 else [])]


def _plain(text: str) -> str:
    """Terraform's own box without its frame."""
    lines = (line.lstrip("╷│╵ ").rstrip() for line in text.splitlines())
    return "\n  ".join(line for line in lines if line)
