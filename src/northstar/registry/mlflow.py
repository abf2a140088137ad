"""What the registry needs of MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from northstar.names import ProjectRef


class ModelSource(NamedTuple):
    """A model as MLflow keeps it: the run that logged it and where its files are."""

    run_id: str
    artifact_uri: str
    model_id: str | None


class Mlflow(Protocol):
    """MLflow as the registry uses it; squad = workspace, project = registered model.

    Every method raises ``NotFound`` for what does not exist and ``Unavailable`` when MLflow does
    not answer; all may be called again after a failure.
    """

    def find_model(self, project: ProjectRef, run_id: str, model_uri: str) -> ModelSource:
        """Resolve ``runs:/…`` or ``models:/m-…``; ``Invalid`` if another run logged the model."""
        ...

    def ensure_version(self, project: ProjectRef, source: ModelSource) -> int:
        """The number of the version made from ``source``; creates it (and its model) once."""
        ...

    def download_model(self, project: ProjectRef, source: ModelSource, folder: Path) -> None:
        """Write all files of the model below ``folder``, which exists and is empty."""
        ...

    def download_run_artifact(
        self, project: ProjectRef, run_id: str, artifact_path: str, target: Path
    ) -> None:
        """Write one artifact file of a run to ``target``."""
        ...

    def set_alias(self, project: ProjectRef, alias: str, version: int) -> None:
        """Point an alias at a version."""
        ...
