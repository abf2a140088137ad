"""The real ``terraform``, driven: prepared, planned, shown and applied in a folder of our own.

Terraform speaks to us in JSON lines ("Machine-Readable UI" in its documentation); what it says of
errors is passed on with the part of the platform that it is about. Its state stays where its
backend keeps it. Ctrl-C reaches it by itself: it ends in order and gives its lock back, and we wait
for that.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from northstar.environments.as_code.errors import PlanStale, TerraformFailed
from northstar.environments.as_code.wording import part_of, thing
from northstar.errors import Failed

OLDEST = (1, 9)
_NO_CHANGES, _FAILED, _CHANGES = 0, 1, 2
_UNWANTED = ("TF_VAR_", "TF_CLI_ARGS", "TF_WORKSPACE", "TF_LOG")
_DOING = {"create": "making", "update": "changing", "delete": "removing", "replace": "replacing"}
_DONE = {"create": "made", "update": "changed", "delete": "removed", "replace": "replaced"}

Tell = Callable[[str], None]
"""Tells a person how far the work is."""


@dataclass
class Progress:
    """What an apply has done: addresses by what was done to them, and where it failed."""

    done: list[tuple[str, str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


class Terraform:
    """Terraform on one root module.

    Args:
        root: the root module's folder.
        data: where Terraform keeps its plug-ins and what it knows of its backend.
    """

    def __init__(self, root: Path, data: Path, environ: Mapping[str, str] | None = None) -> None:
        self._root = root
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
        """Save a plan, readable by us alone; says whether it changes anything."""
        options = ["-detailed-exitcode", "-lock-timeout=60s", f"-out={to}"]
        options += ["-destroy"] if destroy else []
        old = os.umask(0o077)
        try:
            code, errors = self._follow(("plan", *options), lambda _: None, tell)
        finally:
            os.umask(old)
        if code not in (_NO_CHANGES, _CHANGES):
            raise _failure("plan", errors)
        return code == _CHANGES

    def show(self, plan: Path) -> dict[str, Any]:
        """What ``terraform show -json`` says of a saved plan; secrets included, so keep it here."""
        shown: dict[str, Any] = json.loads(self._run("show", "-json", str(plan), doing="read"))
        return shown

    def apply(self, plan: Path, tell: Tell) -> Progress:
        """Do what a saved plan says.

        Raises ``PlanStale`` when the state has changed since, ``TerraformFailed`` with an account
        of what was done when it ended half-way.
        """
        progress = Progress()

        def hear(message: Mapping[str, Any]) -> None:
            _hear(message, progress, tell)

        code, errors = self._follow(("apply", "-lock-timeout=60s", str(plan)), hear, tell)
        if code == 0:
            return progress
        if any("stale" in one.lower() for one in errors):
            raise PlanStale(
                "The plan is stale: somebody applied another one since it was made.",
                hint="Plan again, and look at what it says now.",
            )
        raise _failure("apply", errors, progress)

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
    ) -> tuple[int, list[str]]:
        """Run a command that tells its progress; returns its exit code and its errors."""
        command, *options = arguments
        errors: list[str] = []
        other: list[str] = []  # what it says in no format, such as of its own settings
        with subprocess.Popen(
            [str(self._binary), f"-chdir={self._root}", command, "-json", *options],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            interrupted = False
            while True:
                try:
                    for message in _messages(process, other):
                        if found := _error(message):
                            errors.append(found)
                        hear(message)
                    break
                except KeyboardInterrupt:
                    if interrupted:
                        process.kill()
                        raise
                    interrupted = True
                    tell("Stopping in order, so that the state is whole; Ctrl-C again kills it.")
            code = process.wait()
        if interrupted:
            raise KeyboardInterrupt
        return code, errors or [_plain("".join(other))]


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
    assert process.stdout is not None  # noqa: S101 - it was asked for
    for line in process.stdout:
        try:
            message = json.loads(line)
        except ValueError:
            other.append(line)
            continue
        if isinstance(message, dict):
            yield message


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
    named = f"{part_of(address)}: {thing(address)}"
    if message["type"] == "apply_start":
        tell(f"{_DOING[action]} {named}")
    elif message["type"] == "apply_complete":
        progress.done.append((action, address))
    elif message["type"] == "apply_errored":
        progress.failed.append(address)


def _failure(doing: str, errors: Sequence[str], progress: Progress | None = None) -> Exception:
    said = [one for one in dict.fromkeys(errors) if one] or ["Terraform did not say why."]
    lines = [f"Terraform could not {doing}:", *(f"  {one}" for one in said)]
    hint = ""
    if progress is not None:
        done = [f"  {_DONE[action]} {address}" for action, address in progress.done]
        lines += ["Until then it had:", *done] if done else ["Nothing was changed before that."]
        hint = "The state knows what was done. Mend the cause, then plan and apply again."
    return TerraformFailed("\n".join(lines), hint=hint)


def _plain(text: str) -> str:
    """Terraform's own box without its frame."""
    lines = (line.lstrip("╷│╵ ").rstrip() for line in text.splitlines())
    return "\n  ".join(line for line in lines if line)
