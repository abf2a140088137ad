"""The register step: everything goes to MLflow, then one call makes the version."""

from __future__ import annotations

from collections.abc import Callable

from northstar.connection import Connection
from northstar.pipeline.domain import RunState
from northstar.pipeline.patience import patiently
from northstar.pipeline.run_folder import RunFolder
from northstar.pipeline.tracking import Tracking
from northstar.registry.client import RegistryClient
from northstar.registry.domain import VersionRegistration

MODEL_ARTIFACT = "model"
SOURCE_ARTIFACT = "northstar/source.tar.gz"


def register_version(
    folder: RunFolder,
    state: RunState,
    tracking: Tracking,
    connection: Connection,
    say: Callable[[str], None],
) -> int:
    """Log the run's model, source and evidence, and register the version; return its number.

    The model that was evaluated is uploaded from here, whatever the script logged before: what is
    registered is, byte for byte, what was measured. Repeating the step changes nothing: once there
    is a version, its run's files can't be written any more, and need not be.
    """
    registration = VersionRegistration.model_validate_json(folder.registration.read_bytes())
    registry = RegistryClient(connection)
    known = patiently(lambda: registry.versions(registration.project_ref), say=say)
    version = next((v.version for v in known if v.run_id == state.mlflow_run), None)
    if version is None:
        _log(folder, state.mlflow_run, registration, tracking)
        version = patiently(lambda: registry.register(registration), say=say).version
    tracking.set_status(state.mlflow_run, "FINISHED")
    return version


def _log(
    folder: RunFolder, run: str, registration: VersionRegistration, tracking: Tracking
) -> None:
    tracking.upload(run, folder.model, MODEL_ARTIFACT)
    tracking.upload(run, folder.source, SOURCE_ARTIFACT)
    tracking.upload(run, folder.environment, "northstar/environment.txt")
    tracking.upload(run, folder.registration, "northstar/registration.json")
    tracking.upload(run, folder.path / "logs", "northstar/logs")
    evidence = registration.evidence
    metrics = {f"test_{name}": metric.value for name, metric in evidence.metrics.items()}
    metrics |= {f"baseline_{name}": metric.value for name, metric in evidence.baseline.items()}
    tracking.log(run, registration.lineage.parameters, metrics)
