"""Registering versions, finding them, and tracing where they came from."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from sqlalchemy.exc import IntegrityError

from northstar.access.domain import Principal
from northstar.clock import Clock
from northstar.database import Database
from northstar.errors import Invalid, NotFound
from northstar.names import EnvironmentName, ProjectRef
from northstar.registry import store
from northstar.registry.domain import (
    LineageView,
    VersionRecord,
    VersionRegistration,
    VersionUse,
)
from northstar.registry.mlflow import Mlflow
from northstar.registry.models import ModelStore

Uses = Callable[[ProjectRef, int], list[VersionUse]]
"""Where a version was released to; releases know, and wiring asks them."""

_ARTIFACT_PATH = re.compile(r"[\w.@+-]+(/[\w.@+-]+)*")


class Projects(Protocol):
    """What the registry needs of the projects; ``project.ProjectService`` has it."""

    def project(self, ref: ProjectRef) -> object:
        """The project; raises ``NotFound``."""
        ...


class RegistryService:
    """Model versions on MLflow; safe to share between threads.

    Args:
        mlflow: the tracking server, as the platform's own principal.
        models: the content-addressed store that only the platform writes.
        downloads: a folder for artifacts fetched from runs.
        uses: tells where versions were released to.
        projects: knows which projects there are.
    """

    def __init__(
        self,
        database: Database,
        mlflow: Mlflow,
        models: ModelStore,
        downloads: Path,
        clock: Clock,
        uses: Uses,
        projects: Projects,
    ) -> None:
        self._database = database
        self._mlflow = mlflow
        self._models = models
        self._downloads = downloads
        self._clock = clock
        self._projects = projects
        self._uses = uses

    def register(
        self,
        project: ProjectRef,
        registration: VersionRegistration,
        principal: Principal,
        started_by: str = "",
    ) -> VersionRecord:
        """Register what a run produced; a run registers one version, however often it asks.

        The model is copied to the platform's store first, the record is written last: killed in
        between, the next call continues. Raises ``NotFound`` for an unknown project or run,
        ``WrongModel`` for something that is no model of the run.

        Args:
            started_by: who started the run, where ``principal`` is the run itself.
        """
        if registration.project_ref != project:
            raise Invalid(
                f"The registration is for {registration.project_ref}, but was sent to {project}."
            )
        self._projects.project(project)
        if known := self._of_run(project, registration.run_id):
            return known
        source = self._mlflow.find_model(project, registration.run_id, registration.model_uri)
        with self._models.incoming() as folder:
            self._mlflow.download_model(project, source, folder)
            digest = self._models.keep(folder)
        record = VersionRecord(
            **registration.model_dump(),
            version=self._mlflow.ensure_version(project, source),
            digest=digest,
            registered_by=principal.id,
            started_by=started_by,
            registered_at=self._clock.now(),
        )
        try:
            with self._database.begin() as connection:
                store.add_version(connection, record, source.model_id)
        except IntegrityError:
            if known := self._of_run(project, registration.run_id):
                return known  # the same run was registered by another request meanwhile
            raise
        return record

    def get(self, project: ProjectRef, version: int) -> VersionRecord:
        """One version; raises ``NotFound``."""
        with self._database.read() as connection:
            record = store.version_numbered(connection, project, version)
        if record is None:
            raise NotFound(
                f"{project} has no version {version}.",
                hint=f"`northstar version list {project}` shows what there is.",
            )
        return record

    def list(self, project: ProjectRef) -> list[VersionRecord]:
        """All versions of a project, newest first."""
        with self._database.read() as connection:
            return store.versions_of(connection, project)

    def aliases(self, project: ProjectRef) -> dict[EnvironmentName, int]:
        """The live version of each environment that has one."""
        with self._database.read() as connection:
            return store.aliases_of(connection, project)

    def set_alias(self, project: ProjectRef, environment: EnvironmentName, version: int) -> None:
        """Say which version is live in an environment; only releases call this.

        MLflow's alias of the environment's name follows. Idempotent.
        """
        record = self.get(project, version)
        self._mlflow.set_alias(project, environment, record.version)
        with self._database.begin() as connection:
            store.point_alias(connection, project, environment, version)

    def lineage(self, project: ProjectRef, version: int) -> LineageView:
        """A version traced back to what made it and forward to its releases."""
        record = self.get(project, version)
        return LineageView(
            **record.model_dump(
                include={
                    "squad",
                    "project",
                    "version",
                    "run_id",
                    "digest",
                    "registered_by",
                    "registered_at",
                    "lineage",
                }
            ),
            uses=self._uses(project, version),
        )

    def model_archive(self, digest: str) -> Iterator[bytes]:
        """A registered model as a tar stream; raises ``NotFound`` at once."""
        return self._models.archive(digest)

    def download_run_artifact(self, project: ProjectRef, run_id: str, artifact_path: str) -> Path:
        """Fetch one artifact file of a run, such as its source; raises ``NotFound``.

        The file is the caller's to read; fetching it again replaces it as a whole.
        """
        if not _ARTIFACT_PATH.fullmatch(artifact_path) or ".." in artifact_path.split("/"):
            raise Invalid(f"{artifact_path!r} is not an artifact path.")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", run_id):
            raise Invalid(f"{run_id!r} is not a run.")
        target = self._downloads / project.squad / project.project / run_id / artifact_path
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".incoming-", dir=target.parent) as folder:
            received = Path(folder) / "artifact"
            self._mlflow.download_run_artifact(project, run_id, artifact_path, received)
            return received.replace(target)

    def _of_run(self, project: ProjectRef, run_id: str) -> VersionRecord | None:
        with self._database.read() as connection:
            return store.version_of_run(connection, project, run_id)
