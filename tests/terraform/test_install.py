"""Making the provider known to Terraform."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from northstar import __version__
from northstar.cli import root
from northstar.errors import Failed
from northstar.terraform.install import PROGRAM, SOURCE, install


def test_terraform_finds_it_in_its_own_folder_without_any_configuration(
    terraform: str, tmp_path: Path
) -> None:
    home, module = tmp_path / "home", tmp_path / "module"
    module.mkdir()
    installed = install(home / ".terraform.d" / "plugins")
    (module / "main.tf").write_text(installed.requirement)

    done = subprocess.run(
        [terraform, "init", "-no-color"],
        cwd=module,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "CHECKPOINT_DISABLE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert f"Installed {SOURCE} v{__version__}" in done.stdout


def test_a_lock_file_is_good_on_every_machine(tmp_path: Path) -> None:
    here, there = install(tmp_path / "here").program, install(tmp_path / "there").program
    assert here.read_bytes() == there.read_bytes()
    assert b"/tmp" not in here.read_bytes()
    assert here.stat().st_mode & 0o111


def test_the_command_prints_what_to_configure_and_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    run = CliRunner().invoke
    mirror = ["terraform", "install", "--mirror", str(tmp_path / "mirror")]

    said = run(root, mirror)
    told = json.loads(run(root, [*mirror, "--json"]).stdout)

    assert said.exit_code == 0
    assert told["cli_configuration"] in said.stdout + "\n"
    assert told["required_providers"] in said.stdout
    assert str(tmp_path / "mirror") in told["cli_configuration"]
    assert f'export PATH="{Path(sys.executable).parent}:$PATH"' in said.stderr
    assert Path(told["program"]).is_file()


def test_what_it_needs_and_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "northstar.terraform.install.find_spec", lambda name: name != "grpc" or None
    )
    with pytest.raises(Failed, match="there is no grpc") as refused:
        install(tmp_path)
    assert "northstar-mlops[terraform]" in refused.value.hint


def test_started_by_a_person_the_program_says_what_it_is() -> None:
    program = Path(sys.executable).parent / PROGRAM
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Terraform starts it" in done.stderr
