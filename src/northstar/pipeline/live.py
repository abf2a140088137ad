"""What the version that is live in production says of the same rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from northstar.connection import Connection
from northstar.digest import folder_digest
from northstar.errors import NorthstarError
from northstar.metrics import Floats
from northstar.names import EnvironmentName
from northstar.pipeline.errors import ModelUnusable
from northstar.pipeline.patience import patiently
from northstar.pipeline.process import Echo
from northstar.pipeline.run_folder import RunFolder
from northstar.pipeline.scoring import score_model
from northstar.pipeline.tracking import Tracking
from northstar.project.domain import ProjectSpec
from northstar.registry.client import RegistryClient

_ENVIRONMENT: EnvironmentName = "prod"


@dataclass(frozen=True)
class LiveAnswers:
    """The live version's answers to every row of the run's data."""

    version: int
    answers: Floats
    classes: list[str] | None


def ask_live_version(
    spec: ProjectSpec,
    project: Path,
    folder: RunFolder,
    labels: Sequence[str] | None,
    tracking: Tracking,
    connection: Connection,
    say: Callable[[str], None],
    echo: Echo,
) -> LiveAnswers | None:
    """Score the run's data with the version that is live in production; ``None`` without one.

    A live version that can't be asked, for example because the data lacks its columns, is said
    and left out: the gate then sees that there was no comparison.
    """
    registry = RegistryClient(connection)
    live = patiently(lambda: registry.aliases(spec.ref), say=say).get(_ENVIRONMENT)
    if live is None:
        return None
    record = patiently(lambda: registry.version(spec.ref, live), say=say)
    model = folder.work / "live-model"
    try:
        tracking.download_version(record.run_id, record.model_uri, model)
        if folder_digest(model) != record.digest:
            raise ModelUnusable("its files in MLflow are not those that were registered")
        scored = score_model(model, "live", spec.task, labels, project, folder, echo)
    except NorthstarError as error:
        say(f"Not compared with version {live}, which is live: {error.message}")
        return None
    return LiveAnswers(live, scored.answers, scored.classes)
