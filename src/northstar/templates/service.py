"""Rendering a template into a new project's folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from northstar import __version__
from northstar.names import ProjectRef
from northstar.project.domain import ProjectSpec, Task
from northstar.project.spec import load_spec
from northstar.templates.errors import FolderTaken
from northstar.templates.example_data import TARGETS, TIME_COLUMN, write_example

_TEMPLATE = Path(__file__).with_name("project")
_EXAMPLE = "data/example.csv"


@dataclass(frozen=True)
class Answers:
    """What the template asks.

    Args:
        data_path: a CSV or Parquet file; relative to the new project's folder, or absolute.
        time_column: empty where the data has none.
    """

    squad: str
    project: str
    description: str
    task: Task
    target: str
    data_path: str
    time_column: str


def example_answers(ref: ProjectRef, task: Task, description: str) -> Answers:
    """Answers for a project that starts with the example data."""
    return Answers(ref.squad, ref.project, description, task, TARGETS[task], _EXAMPLE, TIME_COLUMN)


def create_project(folder: Path, answers: Answers) -> ProjectSpec:
    """Render the template into ``folder``; with the example data where the answers name it.

    Raises ``FolderTaken`` if there is something in the folder, ``SpecInvalid`` if the answers
    make no valid ``northstar.yaml``.
    """
    import copier

    if folder.exists() and any(folder.iterdir()):
        raise FolderTaken(f"{folder} is not empty.", hint="Name a folder that does not exist yet.")
    copier.run_copy(
        str(_TEMPLATE),
        folder,
        data={**asdict(answers), "template_version": __version__},
        defaults=True,
        quiet=True,
    )
    if answers.data_path == _EXAMPLE:
        write_example(answers.task, folder / _EXAMPLE)
    return load_spec(folder)
