"""``northstar new``: start a project from the template."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import click

from northstar.errors import Invalid, NotFound
from northstar.names import ProjectRef, check_name
from northstar.project.domain import Task
from northstar.templates.service import Answers, create_project, example_answers
from northstar.terminal import emit, json_option


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--squad", required=True, help="Whose project it is.")
@click.option("--project", help="The project's name; by default the folder's.")
@click.option("--description", default="", help="What the model is for.")
@click.option("--task", type=click.Choice(get_args(Task)), default="binary", show_default=True)
@click.option(
    "--data",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A CSV or Parquet file; without one, the project comes with example data.",
)
@click.option("--target", help="The column to predict; needed with --data.")
@click.option("--time-column", help="The column that says when a row happened, if there is one.")
@json_option
def new(
    folder: Path,
    squad: str,
    project: str | None,
    description: str,
    task: Task,
    data: Path | None,
    target: str | None,
    time_column: str | None,
    as_json: bool,
) -> None:
    """Start a project in DIR from the template, ready for `northstar run`."""
    ref = ProjectRef(
        check_name(squad, "squad"), check_name(project or folder.resolve().name, "project")
    )
    if data is None:
        if target or time_column:
            raise Invalid("--target and --time-column describe --data, which was not given.")
        answers = example_answers(ref, task, description)
    else:
        if target is None:
            raise Invalid("--data needs --target, the column to predict.")
        answers = Answers(
            ref.squad,
            ref.project,
            description,
            task,
            target,
            _seen_from(folder, data),
            time_column or "",
        )
    create_project(folder, answers)
    done = {"folder": str(folder), "project": str(ref)}
    emit(done, as_json=as_json, text=f"Made {ref} in {folder}. Next: cd {folder} && northstar run")


def _seen_from(folder: Path, data: Path) -> str:
    """The data's path as ``northstar.yaml`` writes it: relative below the project's folder."""
    path = data.resolve()
    if not path.is_file():
        raise NotFound(f"There is no file {data}.")
    base = folder.resolve()
    return os.path.relpath(path, base) if path.is_relative_to(base) else str(path)
