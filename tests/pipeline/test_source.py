"""The source archive: what is in it, what is not, and that it can be run again."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from northstar.errors import Failed
from northstar.pipeline.source import (
    archive_source,
    environment_lock,
    find_origin,
    source_digest,
)
from tests.pipeline.builders import write_project

KEPT = ["training.py", "helpers/features.py", "northstar.yaml", ".copier-answers.yml"]
LEFT_OUT = [".env", ".git/config", ".venv/x.py", "data/big.csv", "helpers/__pycache__/x.pyc",
            ".northstar/runs/x/state.json", "mine/pyvenv.cfg", "mine/lib.py"]  # fmt: skip


def fill(project: Path) -> None:
    write_project(project)
    for name in (*KEPT, *LEFT_OUT):
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(name)
    (project / "link").symlink_to("/etc/passwd")


def archive(project: Path, target: Path) -> list[str]:
    archive_source(project, write_project(project), find_origin(project), target)
    with tarfile.open(target) as opened:
        return opened.getnames()


def test_code_is_archived_and_data_secrets_and_caches_are_not(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    fill(project)

    names = archive(project, tmp_path / "source.tar.gz")

    assert set(names) == {".northstar-origin.json", *KEPT}


def test_the_same_files_give_the_same_archive_and_digest(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        fill(tmp_path / name)
    spec = write_project(tmp_path / "one")
    archive(tmp_path / "one", tmp_path / "first.tar.gz")
    archive(tmp_path / "one", tmp_path / "second.tar.gz")

    assert (tmp_path / "first.tar.gz").read_bytes() == (tmp_path / "second.tar.gz").read_bytes()
    digest = source_digest(tmp_path / "one", spec)
    assert digest == source_digest(tmp_path / "two", spec)
    (tmp_path / "two" / "training.py").write_text("changed")
    assert digest != source_digest(tmp_path / "two", spec)


def test_an_unpacked_archive_knows_where_it_came_from(tmp_path: Path) -> None:
    project, unpacked = tmp_path / "project", tmp_path / "unpacked"
    project.mkdir()
    spec = write_project(project)
    archive(project, tmp_path / "source.tar.gz")
    with tarfile.open(tmp_path / "source.tar.gz") as opened:
        opened.extractall(unpacked, filter="data")

    assert find_origin(unpacked) == find_origin(project)
    assert source_digest(unpacked, spec) == source_digest(project, spec)


def test_commit_and_changes_are_known(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    write_project(tmp_path)
    assert find_origin(tmp_path).commit is None
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], check=True)

    clean = find_origin(tmp_path)
    (tmp_path / "northstar.yaml").write_text("changed")

    assert clean.commit is not None
    assert (len(clean.commit), clean.dirty) == (40, False)
    assert find_origin(tmp_path).dirty


def test_a_source_full_of_data_is_refused(tmp_path: Path) -> None:
    spec = write_project(tmp_path)
    with (tmp_path / "other.bin").open("wb") as file:
        file.truncate(101 << 20)

    with pytest.raises(Failed, match="larger than 100 MB"):
        source_digest(tmp_path, spec)


def test_the_environment_is_written_down() -> None:
    assert any(line.startswith("numpy==") for line in environment_lock().splitlines())
