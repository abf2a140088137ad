"""One run of a project's pipeline, step by step; killed anywhere, it goes on with ``resume``.

data → split → train → evaluate → register. What a step made is on disk before its facts are
written to the run's state, so a step is either finished or done again from its start. Only the
last one changes anything outside of the run: one call that registers the version or finds that it
did so before.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from northstar.clock import Clock
from northstar.connection import Connection
from northstar.errors import NorthstarError, Unavailable
from northstar.pipeline.caller import caller_id
from northstar.pipeline.data import load_data
from northstar.pipeline.domain import RegisterFacts, RunRequest, RunState, Step
from northstar.pipeline.errors import NotResumable
from northstar.pipeline.evaluating import evaluate_model
from northstar.pipeline.patience import patiently
from northstar.pipeline.process import Echo
from northstar.pipeline.registering import register_version
from northstar.pipeline.run_folder import RunFolder, run_name
from northstar.pipeline.run_trace import TRACE_TAG, RunTrace
from northstar.pipeline.source import (
    Origin,
    archive_source,
    environment_lock,
    find_origin,
    source_digest,
)
from northstar.pipeline.split import split_data
from northstar.pipeline.tracking import Tracking
from northstar.pipeline.training import train_model
from northstar.project.client import ProjectClient
from northstar.project.domain import ProjectSpec
from northstar.project.spec import FILE_NAME, load_spec
from northstar.registry.domain import VersionRegistration
from northstar.telemetry.interface import Telemetry
from northstar.telemetry.quiet import QuietTelemetry


@dataclass(frozen=True)
class RunResult:
    """What came of a run."""

    run: str
    mlflow_run: str
    version: int
    registration: VersionRegistration


class Pipeline:
    """Runs a project's pipeline from its folder.

    Args:
        project: the folder with ``northstar.yaml``.
        say: told how the run gets on, a line at a time.
        echo: given what the squad's code prints.
        telemetry: told of the run and its steps; the caller closes it.
    """

    def __init__(
        self,
        project: Path,
        connection: Connection,
        clock: Clock,
        say: Callable[[str], None],
        echo: Echo,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._project = project
        self._connection = connection
        self._clock = clock
        self._say = say
        self._echo = echo
        self._telemetry = telemetry or QuietTelemetry()

    def start(self, request: RunRequest) -> RunResult:
        """Begin a new run and carry it through.

        Raises ``SpecInvalid``, ``NotFound`` for an unknown project, and what the steps raise.
        """
        spec = load_spec(self._project)
        client = ProjectClient(self._connection)
        patiently(lambda: client.project(spec.ref), say=self._say)
        tracking = Tracking(self._connection, spec.ref, self._say)
        trace = RunTrace.begin(self._telemetry)
        try:
            run = self._begin(spec, request, tracking, trace)
        finally:
            tracking.close()
        return self._resume(run, trace)

    def resume(self, run: str) -> RunResult:
        """Carry a run on from its first unfinished step, with the ``northstar.yaml`` it began with.

        Raises ``NotFound`` for an unknown run, ``NotResumable`` if another process is at it or the
        project's code has changed since, and what the steps raise.
        """
        return self._resume(run, None)

    def _resume(self, run: str, trace: RunTrace | None) -> RunResult:
        folder = RunFolder.find(self._project, run)
        with folder.locked():
            state = folder.load()
            spec = load_spec(folder.path)
            self._check_unchanged(spec, state)
            tracking = Tracking(self._connection, spec.ref, self._say)
            try:
                if state.data is not None and state.next_step is not None:
                    tracking.set_status(state.mlflow_run, "RUNNING")
                origin = find_origin(self._project)
                trace = trace or RunTrace.go_on(self._telemetry, state)
                with trace.whole(spec.ref, state):
                    return self._carry_through(spec, origin, folder, state, tracking, trace)
            finally:
                tracking.close()

    def _begin(
        self,
        spec: ProjectSpec,
        request: RunRequest,
        tracking: Tracking,
        trace: RunTrace,
    ) -> str:
        origin = find_origin(self._project)
        now = self._clock.now()
        name = run_name(now)
        tags = {
            "mlflow.source.name": str(spec.ref),
            "northstar.local_run": name,
            TRACE_TAG: trace.context.trace_id,
        }
        if origin.commit:
            tags["mlflow.source.git.commit"] = origin.commit
        with RunFolder.create(self._project, name) as folder:
            shutil.copyfile(self._project / FILE_NAME, folder.path / FILE_NAME)
            archive_source(self._project, spec, origin, folder.source)
            folder.environment.write_text(environment_lock())
            state = RunState(
                run=name,
                mlflow_run=tracking.create_run(name, tags),
                started_at=now,
                started_by=caller_id(self._connection),
                request=request,
                source_digest=source_digest(self._project, spec),
                commit=origin.commit,
                dirty=origin.dirty,
                traceparent=str(trace.context),
            )
            folder.save(state)
        return name

    def _carry_through(
        self,
        spec: ProjectSpec,
        origin: Origin,
        folder: RunFolder,
        state: RunState,
        tracking: Tracking,
        trace: RunTrace,
    ) -> RunResult:
        self._say(f"Run {state.run} of {spec.ref} (MLflow run {state.mlflow_run})")
        while (step := state.next_step) is not None:
            try:
                with trace.step(step):
                    state, told = self._take(step, spec, origin, folder, state, tracking)
            except KeyboardInterrupt:
                self._say(_way_on(state))
                raise
            except NorthstarError as error:
                self._record_failure(folder, state, tracking)
                if isinstance(error, Unavailable) or state.train is not None:
                    self._say(_way_on(state))
                raise
            folder.save(state)
            self._say(f"{step:<9} {told}")
        folder.tidy()
        registration = VersionRegistration.model_validate_json(folder.registration.read_bytes())
        assert state.register_ is not None  # noqa: S101 - no step is left
        return RunResult(state.run, state.mlflow_run, state.register_.version, registration)

    def _take(
        self,
        step: Step,
        spec: ProjectSpec,
        origin: Origin,
        folder: RunFolder,
        state: RunState,
        tracking: Tracking,
    ) -> tuple[RunState, str]:
        """Carry out one step; return the state with its facts, and a line about it."""
        parameters = _parameters(spec, state)
        match step:
            case "data":
                data = load_data(spec, self._project, origin, state.request, folder, self._echo)
                left_out = f", {data.unlabelled:,} without a target left out"
                window = f" from {data.start:%Y-%m-%d} to {data.end:%Y-%m-%d}" if data.start else ""
                told = f"{data.rows:,} rows{window}{left_out if data.unlabelled else ''}"
                return state.model_copy(update={"data": data}), told
            case "split":
                split = split_data(spec, folder)
                parts = f"{split.rows_train:,} to train, {split.rows_test:,} to test"
                told = f"by {spec.split_by}: {parts}"
                return state.model_copy(update={"split": split}), told
            case "train":
                train = train_model(
                    spec, self._project, folder, parameters, tracking, state.mlflow_run, self._echo
                )
                told = f"{train.seconds:.1f} s; the model is {train.found}"
                return state.model_copy(update={"train": train}), told
            case "evaluate":
                told = evaluate_model(
                    spec, self._project, folder, state, parameters, tracking, self._connection,
                    self._say, self._echo,
                )  # fmt: skip
                return state.model_copy(update={"evaluate": True}), told
            case "register":
                version = register_version(folder, state, tracking, self._connection, self._say)
                done = RegisterFacts(version=version)
                told = f"version {version} of {spec.ref}"
                return state.model_copy(update={"register_": done}), told

    def _check_unchanged(self, spec: ProjectSpec, state: RunState) -> None:
        if state.train is None and source_digest(self._project, spec) != state.source_digest:
            raise NotResumable(
                f"The project's files have changed since run {state.run} began.",
                hint="Start a new run, so that its source is what is archived with it.",
            )

    def _record_failure(self, folder: RunFolder, state: RunState, tracking: Tracking) -> None:
        """Tell MLflow, as far as it listens; the error itself goes to the person."""
        try:
            if (folder.path / "logs").is_dir():
                tracking.upload(state.mlflow_run, folder.path / "logs", "northstar/logs")
            tracking.set_status(state.mlflow_run, "FAILED")
        except NorthstarError as error:
            self._say(f"MLflow was not told of the failure: {error.message}")


def _way_on(state: RunState) -> str:
    return f"What was done is kept; go on with: northstar run --resume {state.run}"


def _parameters(spec: ProjectSpec, state: RunState) -> dict[str, JsonValue]:
    return {**spec.train.parameters, **state.request.parameters}
