"""What `northstar new` renders runs as it is, for every task it offers."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from northstar.clock import SystemClock
from northstar.connection import Connection
from northstar.names import ProjectRef
from northstar.pipeline.domain import RunRequest
from northstar.pipeline.run import Pipeline
from northstar.project.domain import Task
from northstar.templates.service import create_project, example_answers
from tests.pipeline.builders import quiet


@pytest.mark.parametrize("task", get_args(Task))
def test_a_new_project_runs_and_beats_the_baseline(
    tmp_path: Path, connection: Connection, task: Task
) -> None:
    folder = tmp_path / "late"
    create_project(folder, example_answers(ProjectRef("shops", "late"), task, ""))

    result = Pipeline(folder, connection, SystemClock(), quiet, quiet).start(RunRequest())

    registration = result.registration
    assert (registration.flavor, registration.task) == ("sklearn", task)
    assert registration.lineage.template == "project@0.1.0"
    difference = registration.evidence.baseline_difference
    assert difference is not None
    assert difference.low is not None
    assert difference.low > 0
    assert registration.evidence.leak_suspects == []
