"""The real terraform, driven, where it is stopped, locked out or fails half-way."""

from __future__ import annotations

import fcntl
import io
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typing_extensions import Buffer

from northstar.environments.as_code.errors import (
    PlanStale,
    StateLocked,
    TerraformFailed,
    TerraformStopped,
)
from northstar.environments.as_code.terraform import Progress, Tell, Terraform
from northstar.environments.domain import ResourceChange
from northstar.errors import Failed

FIRST = 'resource "terraform_data" "first" {\n  input = "a"\n}\n'
SECOND = """
resource "terraform_data" "second" {
  depends_on = [terraform_data.first]
  provisioner "local-exec" {
    command = "%s"
  }
}
"""
NOT_THERE = {"PATH": "/nowhere"}
PLANNED = tuple(
    ResourceChange(address=f"terraform_data.{name}", what="create")
    for name in ("first", "second", "third")
)


class Folder:
    """A root module with its state, and Terraform on it."""

    def __init__(self, path: Path) -> None:
        self.root = path / "root"
        self.root.mkdir()
        self.told: list[str] = []
        self.saved = path / "plan"
        self.state = self.root / "terraform.tfstate"
        self.terraform = Terraform(self.root, path / "data", patience_seconds=0)

    def plan(self, text: str) -> None:
        (self.root / "main.tf").write_text(text)
        self.terraform.init()
        self.terraform.plan(self.saved, self.told.append)

    def apply(self, tell: Tell | None = None) -> Progress:
        progress = Progress(PLANNED)
        self.terraform.apply(self.saved, progress, tell or self.told.append)
        return progress

    def known(self) -> list[str]:
        """The names of the resources in the state."""
        return [one["name"] for one in json.loads(self.state.read_text())["resources"]]


class _InterruptedPipe(io.RawIOBase):
    """Takes what is written, and is asked to stop while it takes one text."""

    def __init__(self, at: str) -> None:
        self.said = ""
        self._at = at

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        text = bytes(data).decode()
        self.said += text
        if self._at in text:
            os.kill(os.getpid(), signal.SIGINT)
        return len(bytes(data))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    if shutil.which("terraform") is None:
        pytest.skip("Terraform was not driven: there is no terraform on this machine.")
    return Folder(tmp_path)


def test_what_is_done_is_told_by_its_address(folder: Folder) -> None:
    folder.plan(FIRST)
    assert folder.apply().done == [("create", "terraform_data.first")]


def test_a_half_failed_apply_says_what_was_done_and_what_not_and_keeps_it(folder: Folder) -> None:
    third = '\nresource "terraform_data" "third" {\n  depends_on = [terraform_data.second]\n}\n'
    folder.plan(FIRST + SECOND % "exit 7" + third)
    with pytest.raises(TerraformFailed) as failed:
        folder.apply()
    said = failed.value.message
    assert "exit status 7" in said
    assert "Done (1):\n  made Platform: data first" in said
    assert "Not done (2):\n  Platform: data second (failed)\n  Platform: data third" in said
    assert "plan and apply again" in failed.value.hint
    assert "first" in folder.known()


def test_of_a_replacement_that_stopped_half_way_the_removal_is_told() -> None:
    change = ResourceChange(address="a.b", what="replace", summary="name")
    progress = Progress((change,), done=[("delete", "a.b")], failed=["a.b"])
    assert [one.what for one in progress.finished()] == ["destroy"]
    assert progress.left() == ["a.b"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_ends_terraform_in_order_with_its_lock_given_back(
    folder: Folder, number: signal.Signals
) -> None:
    folder.plan(FIRST + SECOND % "exec sleep 300")

    def interrupt(message: str) -> None:
        folder.told.append(message)
        if message == "making Platform: data second":
            os.kill(os.getpid(), number)

    with pytest.raises(TerraformStopped) as stopped:
        folder.apply(interrupt)
    assert stopped.value.exit_code == 130
    assert "Done (1):" in stopped.value.message
    assert "data second" in stopped.value.message.partition("Not done")[2]
    assert any("Stopping in order" in one for one in folder.told)
    assert "first" in folder.known()
    assert not list(folder.root.glob("*.lock.info"))
    folder.plan(FIRST)  # the lock is free


def test_an_interrupt_in_the_middle_of_a_line_is_one_like_any_other(folder: Folder) -> None:
    folder.plan(FIRST + SECOND % "exec sleep 300")
    raw = _InterruptedPipe("making Platform: data second")
    stream = io.TextIOWrapper(io.BufferedWriter(raw))
    with pytest.raises(TerraformStopped):
        folder.apply(lambda message: print(message, file=stream, flush=True))
    assert "Stopping in order" in raw.said


def test_an_interrupted_plan_leaves_nothing_to_apply(tmp_path: Path) -> None:
    slow = "trap 'exit 1' INT; kill -INT $PPID; while :; do sleep 0.1; done"
    terraform = _scripted(tmp_path, slow)
    (tmp_path / "plan").write_text("half of it")
    with pytest.raises(TerraformStopped, match="nothing was changed"):
        terraform.plan(tmp_path / "plan", print)
    assert not (tmp_path / "plan").exists()


def test_an_interrupt_is_heard_while_terraform_says_nothing(tmp_path: Path) -> None:
    asleep = tmp_path / "asleep"
    quiet = f"trap 'exit 1' INT; touch {asleep}; while :; do sleep 0.1; done"

    def interrupt() -> None:
        while not asleep.exists():
            time.sleep(0.01)
        time.sleep(0.3)
        # In this thread, so that it ends nothing for which the main thread waits.
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    terraform, interrupter = _scripted(tmp_path, quiet), threading.Thread(target=interrupt)
    interrupter.start()
    with pytest.raises(TerraformStopped):
        terraform.plan(tmp_path / "plan", print)
    interrupter.join()


def test_who_asks_three_times_does_not_wait(tmp_path: Path) -> None:
    deaf = "trap '' INT; for i in 1 2 3; do kill -INT $PPID; sleep 0.2; done; while :; do :; done"
    with pytest.raises(TerraformStopped):
        _scripted(tmp_path, deaf).apply(tmp_path / "plan", Progress(), print)


def test_a_lock_of_somebody_else_is_told_and_nothing_is_changed(folder: Folder) -> None:
    folder.plan(FIRST)
    folder.apply()
    folder.plan(FIRST.replace('"a"', '"b"'))
    with _held(folder.state):
        with pytest.raises(StateLocked, match="nothing was changed") as locked:
            folder.apply()
        with pytest.raises(StateLocked):
            folder.terraform.plan(folder.saved, folder.told.append)
    assert "force-unlock" in locked.value.hint
    assert "somebody@elsewhere" in locked.value.message


def test_a_plan_of_an_older_state_is_stale(folder: Folder) -> None:
    folder.plan(FIRST)
    folder.apply()
    folder.plan(FIRST.replace('"a"', '"b"'))
    folder.apply()
    with pytest.raises(PlanStale, match="somebody applied another one"):
        folder.apply()


def test_a_state_that_could_not_be_written_is_kept_and_asked_for(tmp_path: Path) -> None:
    terraform = _scripted(tmp_path, f'echo "{{}}" > {tmp_path}/root/errored.tfstate; exit 1')
    with pytest.raises(TerraformFailed, match="could not apply") as failed:
        terraform.apply(tmp_path / "plan", Progress(), print)
    assert "could not be written" in failed.value.hint
    assert (tmp_path / "errored.tfstate").read_text() == "{}\n"
    with pytest.raises(TerraformFailed, match="could not write its state") as refused:
        terraform.plan(tmp_path / "plan", print)
    assert "state push" in refused.value.hint


def test_a_terminal_that_goes_away_ends_no_apply(folder: Folder) -> None:
    def gone(_message: str) -> None:
        raise BrokenPipeError

    folder.plan(FIRST)
    assert folder.apply(gone).done == [("create", "terraform_data.first")]


def test_an_old_terraform_is_refused_with_what_to_do(tmp_path: Path) -> None:
    program = _program(tmp_path, "1.5.7", "exit 1")
    with pytest.raises(Failed, match=r"is Terraform 1\.5\.7; 1\.9 or later is needed") as old:
        Terraform(tmp_path, tmp_path / "data", {"PATH": _path(program)})
    assert "NORTHSTAR_TERRAFORM" in old.value.hint


def test_a_machine_without_terraform_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="no terraform on this machine") as missing:
        Terraform(tmp_path, tmp_path / "data", NOT_THERE)
    assert "Install Terraform" in missing.value.hint


def test_what_is_no_terraform_is_refused(tmp_path: Path) -> None:
    program = _program(tmp_path, "nonsense", "exit 1")
    with pytest.raises(Failed, match="does not say which Terraform it is"):
        Terraform(tmp_path, tmp_path / "data", {"PATH": _path(program)})


def _scripted(folder: Path, script: str) -> Terraform:
    """A program in Terraform's place that does what the script says."""
    (folder / "root").mkdir()
    program = _program(folder, "1.11.4", script)
    return Terraform(folder / "root", folder / "data", {"PATH": _path(program)})


def _program(folder: Path, version: str, otherwise: str) -> Path:
    """A program that says it is a Terraform of that version."""
    program = folder / "bin" / "terraform"
    program.parent.mkdir()
    answer = json.dumps({"terraform_version": version})
    program.write_text(f"#!/bin/sh\n[ \"$1\" = version ] && echo '{answer}' && exit\n{otherwise}\n")
    program.chmod(0o755)
    return program


def _path(program: Path) -> str:
    return f"{program.parent}{os.pathsep}{os.environ['PATH']}"


@contextmanager
def _held(state: Path) -> Iterator[None]:
    """The lock of a state in a folder, as another Terraform holds it."""
    info = {"ID": "1234", "Operation": "OperationTypeApply", "Who": "somebody@elsewhere"}
    info |= {"Version": "1.11.4", "Created": "2026-11-01T10:00:00Z", "Path": state.name}
    note = state.with_name(f".{state.name}.lock.info")
    with state.open("r+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        note.write_text(json.dumps(info))
        try:
            yield
        finally:
            note.unlink()
