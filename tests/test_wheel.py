"""What is installed from a built wheel is whole."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from northstar.environments.as_code.operations import modules

_ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a wheel of this tree is unpacked into."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def run(installed: Path, folder: Path, *words: str) -> str:
    """Run the installed package in a folder; returns what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_has_every_file_of_the_package_and_of_its_terraform(installed: Path) -> None:
    package = _ROOT / "src" / "northstar"
    wanted = {p.relative_to(package.parent) for p in package.rglob("*") if p.is_file()}
    wanted = {p for p in wanted if "__pycache__" not in p.parts}
    terraform = Path("northstar/environments/as_code/infrastructure")
    wanted |= {terraform / p.relative_to(modules()) for p in modules().rglob("*.tf")}
    assert sorted(p for p in wanted if not (installed / p).is_file()) == []
    assert len([p for p in wanted if p.suffix == ".tf"]) > 50


def test_environments_as_code_begin_with_it_alone(installed: Path, tmp_path: Path) -> None:
    run(installed, tmp_path, "-m", "northstar", "env", "init")
    schema = _ROOT / "docs" / "reference" / "platform.schema.json"
    assert (tmp_path / schema.name).read_text() == schema.read_text()
    run(installed, tmp_path, "-m", "northstar", "env", "render")
    assert (tmp_path / "environments" / "dev" / "terraform.tfvars.json").is_file()
    where = "from northstar.environments.as_code.operations import modules; print(modules())"
    assert Path(run(installed, tmp_path, "-c", where).strip()).is_relative_to(installed)
