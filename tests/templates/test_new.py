"""`northstar new`: what it renders is complete, valid, and says who owns what."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import yaml
from click.testing import CliRunner

from northstar import __version__
from northstar.errors import Invalid
from northstar.names import ProjectRef
from northstar.pipeline.lineage import template_of
from northstar.project.domain import Task
from northstar.project.errors import SpecInvalid
from northstar.templates.cli import new
from northstar.templates.errors import FolderTaken
from northstar.templates.service import Answers, create_project, example_answers

REF = ProjectRef("fashion", "returns")


@pytest.mark.parametrize("task", get_args(Task))
def test_a_new_project_is_complete_and_valid(tmp_path: Path, task: Task) -> None:
    folder = tmp_path / "returns"

    spec = create_project(folder, example_answers(REF, task, "Comes back?"))

    assert (spec.ref, spec.task, spec.description) == (REF, task, "Comes back?")
    assert (folder / str(spec.data.path)).is_file()
    compile((folder / "training.py").read_text(), "training.py", "exec")


def test_every_file_is_owned_by_the_template_or_the_squad(tmp_path: Path) -> None:
    create_project(tmp_path / "returns", example_answers(REF, "binary", ""))

    owners = yaml.safe_load((tmp_path / "returns" / ".northstar-files.yml").read_text())
    found = {
        path.relative_to(tmp_path / "returns").as_posix()
        for path in (tmp_path / "returns").rglob("*")
        if path.is_file() and "data" not in path.parts
    }
    assert found == {*owners["template"], *owners["squad"]}
    assert not {*owners["template"]} & {*owners["squad"]}


def test_the_answers_are_recorded_without_this_machines_paths(tmp_path: Path) -> None:
    create_project(tmp_path / "returns", example_answers(REF, "binary", "d"))

    text = (tmp_path / "returns" / ".copier-answers.yml").read_text()
    assert yaml.safe_load(text)["squad"] == "fashion"
    assert str(tmp_path) not in text
    assert "site-packages" not in text
    assert template_of(tmp_path / "returns") == f"project@{__version__}"


HOSTILE = "\"}}\n{{ 1/0 }}\n  squad: other # \\ ' {% for %}"


def test_free_text_stays_text(tmp_path: Path) -> None:
    answers = Answers("fashion", "returns", HOSTILE, "binary", HOSTILE, "x'\".csv", HOSTILE)

    spec = create_project(tmp_path / "returns", answers)

    assert (spec.squad, spec.description, spec.target) == ("fashion", HOSTILE, HOSTILE)
    compile((tmp_path / "returns" / "training.py").read_text(), "training.py", "exec")


def test_a_folder_that_holds_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")

    with pytest.raises(FolderTaken, match="is not empty"):
        create_project(tmp_path, example_answers(REF, "binary", ""))

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_own_data_is_referred_to(tmp_path: Path) -> None:
    data = tmp_path / "sales.csv"
    data.write_text("day,amount\n2026-01-01,3\n")
    folder = tmp_path / "sales"
    arguments = [str(folder), "--squad", "fashion", "--task", "regression"]

    done = CliRunner().invoke(
        new, [*arguments, "--data", str(data), "--target", "amount", "--time-column", "day"]
    )

    assert done.exit_code == 0, done.output
    spec = yaml.safe_load((folder / "northstar.yaml").read_text())
    assert spec["project"] == "sales"
    assert spec["data"] == {"path": str(data), "time_column": "day"}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--squad", "Bad Name"], Invalid),
        (["--squad", "fashion", "--target", "x"], Invalid),
        (["--squad", "fashion", "--data", "x.csv"], Invalid),
    ],
)
def test_wrong_options_are_refused(
    tmp_path: Path, arguments: list[str], error: type[Exception]
) -> None:
    done = CliRunner().invoke(new, [str(tmp_path / "new"), *arguments])

    assert isinstance(done.exception, error)
    assert not (tmp_path / "new").exists()


def test_answers_that_make_no_valid_file_are_told_where(tmp_path: Path) -> None:
    answers = Answers("fashion", "returns", "", "binary", "", "data.csv", "")

    with pytest.raises(SpecInvalid, match=r"northstar.yaml:\d+: target"):
        create_project(tmp_path / "returns", answers)
