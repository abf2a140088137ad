"""Jobs: asked for by a person or by the monitor, carried out by a loop, one step at a time."""

from __future__ import annotations

import logging
import shutil
import tarfile
from collections import Counter
from pathlib import Path
from typing import Annotated, Protocol, get_args

from pydantic import BaseModel, Field, ValidationError

from northstar.clock import Clock
from northstar.errors import NorthstarError, NotFound, PartlyFailed, Unavailable
from northstar.isolation.interface import Isolation
from northstar.names import EnvironmentName, ProjectRef
from northstar.pipeline.jobs.domain import ENDED, Job, JobRequest, JobState
from northstar.pipeline.jobs.executor import Executor, northstar_command
from northstar.pipeline.jobs.store import JobStore
from northstar.telemetry import trace_context

log = logging.getLogger(__name__)

_MOST_ATTEMPTS = 3
_MOST_AT_ONCE = 1  # a training uses every core it finds; a project's user has one job at a time
_LOG_LINES = 15


class Platform(Protocol):
    """What a job needs of the rest of the control plane."""

    def source(self, project: ProjectRef, version: int) -> Path:
        """The archive of the source that trained ``version``; raises ``NotFound``."""
        ...

    def environment(self, project: ProjectRef, started_by: str) -> dict[str, str]:
        """The variables by which a run finds the platform and is somebody there.

        Args:
            started_by: who started the job; they may not approve what its run registers.
        """
        ...

    def withdraw(self, project: ProjectRef) -> None:
        """End whom a project's runs were: what a script put aside of that is worth nothing then."""
        ...

    def propose(
        self,
        project: ProjectRef,
        environment: EnvironmentName,
        version: int,
        reason: str,
        asked_by: str,
    ) -> str:
        """Propose a release, or find the one that was proposed already; say what came of it.

        Args:
            asked_by: who started the job; they may not approve what it proposes.
        """
        ...


class _Problem(BaseModel):
    """An error that a command printed."""

    code: str
    message: str
    hint: str = ""


class _Result(BaseModel):
    """What a command printed at its end: a version, or an error."""

    version: Annotated[int, Field(strict=True, ge=1, lt=2**31)] | None = None
    error: _Problem | None = None


class JobService:
    """The jobs of all projects.

    Args:
        executor: runs them, each project's as a user of its own if ``isolation`` has such.
        folder: where each job gets a working folder of its own.
    """

    def __init__(
        self,
        store: JobStore,
        executor: Executor,
        isolation: Isolation,
        platform: Platform,
        folder: Path,
        clock: Clock,
    ) -> None:
        self._store = store
        self._executor = executor
        self._isolation = isolation
        self._platform = platform
        self._folder = folder
        self._clock = clock

    def create(
        self, project: ProjectRef, request: JobRequest, requested_by: str, key: str | None = None
    ) -> Job:
        """Queue a job; the loop starts it. Asking again with the same ``key`` finds the first."""
        return self._store.add(
            project,
            request,
            requested_by=requested_by,
            created_at=self._clock.now(),
            key=key,
            traceparent=str(trace_context.lasting()),
        )

    def get(self, project: ProjectRef, job: int) -> Job:
        """One job; raises ``NotFound``."""
        found = self._store.get(project, job)
        if found is None:
            raise NotFound(f"{project} has no job {job}.", hint="`northstar job list` shows them.")
        return found

    def of_project(self, project: ProjectRef) -> list[Job]:
        """A project's jobs, newest first."""
        return self._store.of_project(project)

    def counts(self) -> dict[JobState, int]:
        """How many jobs have not ended, by state; none is a number, too."""
        found = Counter(job.state for job in self._store.not_ended())
        return {state: found[state] for state in get_args(JobState) if state not in ENDED}

    def log(self, project: ProjectRef, job: int, lines: int = 200) -> str:
        """The end of what the job said; raises ``NotFound``."""
        return self._executor.log(self._place(self.get(project, job)), lines)

    def step(self) -> None:
        """Take every unfinished job one step further; safe to be killed anywhere in it.

        Raises ``PartlyFailed`` with the jobs of which that failed; their reasons are logged.
        """
        unfinished, failed = self._store.not_ended(), []
        busy = sum(job.state == "running" for job in unfinished)
        for job in unfinished:
            starts = job.state == "queued" and busy < _MOST_AT_ONCE
            busy += starts
            with trace_context.using(trace_context.parse(job.traceparent)):
                try:
                    self._step(job, starts=starts)
                except Exception:  # one job's trouble must not keep the others
                    log.exception("job %d of %s could not be looked after", job.id, job.project_ref)
                    failed.append(str(job.id))
        if failed:
            raise PartlyFailed(f"Not looked after: job {', '.join(failed)}; see the log.")

    def _step(self, job: Job, *, starts: bool) -> None:
        if starts:
            self._start(job)
        elif job.state == "running":
            self._look_after(job)
        elif job.state == "registered":
            self._propose(job)

    def _start(self, job: Job) -> None:
        place = self._place(job)
        try:
            self._unpack(job, place)
            environment = self._platform.environment(job.project_ref, job.requested_by)
        except Unavailable:
            return  # MLflow may still be warming up; the next step tries again
        except (NorthstarError, OSError, tarfile.TarError) as error:
            self._end(job, f"Version {job.version} can't be run again: {error}")
            return
        # The state is written first: a process that nobody knows of would be worse than a
        # job that is found dead and started once more.
        self._store.change(
            job.id, state="running", attempts=job.attempts + 1, started_at=self._clock.now()
        )
        environment = {**environment, trace_context.VARIABLE: job.traceparent}
        try:
            self._executor.start(place, _user(job), _command(job, place), environment)
        except NorthstarError as error:
            self._end(job, str(error))

    def _look_after(self, job: Job) -> None:
        place = self._place(job)
        if self._executor.running(place):
            return
        self._executor.stop(_user(job))  # what it left running; nothing of it may go on
        self._platform.withdraw(job.project_ref)
        result = _read(self._executor.result(place))
        if result.version is not None:
            self._store.change(
                job.id,
                state="registered" if job.propose_to else "succeeded",
                new_version=result.version,
                ended_at=None if job.propose_to else self._clock.now(),
                message=f"Registered version {result.version}.",
            )
        elif result.error is not None and result.error.code != Unavailable.code:
            self._end(job, f"{result.error.message}\n{result.error.hint}".strip())
        elif job.attempts >= _MOST_ATTEMPTS:
            said = self._executor.log(place, _LOG_LINES) or "It said nothing."
            self._end(job, f"Gave up after {job.attempts} attempts; the last one said:\n{said}")
        else:  # killed, or the platform was away: go on from the last finished step
            self._store.change(job.id, state="queued")

    def _propose(self, job: Job) -> None:
        assert job.propose_to is not None  # noqa: S101 - only such jobs are ever "registered"
        assert job.new_version is not None  # noqa: S101
        try:
            outcome = self._platform.propose(
                job.project_ref, job.propose_to, job.new_version, job.reason, job.requested_by
            )
        except Unavailable:
            return
        except NorthstarError as error:
            self._end(job, f"Version {job.new_version} could not be proposed: {error}")
            return
        self._store.change(job.id, state="succeeded", message=outcome, ended_at=self._clock.now())

    def _end(self, job: Job, message: str) -> None:
        self._store.change(
            job.id, state="failed", message=message[:4000], ended_at=self._clock.now()
        )

    def _unpack(self, job: Job, place: Path) -> None:
        source = place / "project"
        if source.is_dir():
            return  # an earlier attempt's; its finished steps are in it
        half = place / "project.part"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        try:
            with tarfile.open(self._platform.source(job.project_ref, job.version)) as archive:
                archive.extractall(half, filter="data")
            self._isolation.hand_over(_user(job), half)
            half.rename(source)
        finally:
            shutil.rmtree(half, ignore_errors=True)

    def _place(self, job: Job) -> Path:
        return self._folder / job.squad / job.project / str(job.id)


def _user(job: Job) -> str:
    return f"job:{job.project_ref}"


def _command(job: Job, place: Path) -> list[str]:
    arguments = ["run", "-C", str(place / "project"), "--json"]
    if run := _latest_run(place / "project" / ".northstar" / "runs"):
        return northstar_command(*arguments, "--resume", run)
    if job.data_from:
        arguments += ["--from", job.data_from.isoformat()]
    if job.data_until:
        arguments += ["--until", job.data_until.isoformat()]
    return northstar_command(*arguments)


def _read(printed: dict[str, object] | None) -> _Result:
    """What a command printed; what no command of ours prints is as good as nothing."""
    try:
        return _Result.model_validate(printed or {})
    except ValidationError:
        return _Result()


def _latest_run(runs: Path) -> str | None:
    """The run that an earlier attempt began; links, which a job may have left, lead nowhere."""
    if runs.is_symlink() or runs.parent.is_symlink():
        return None
    found = sorted(runs.glob("*"), key=lambda path: path.lstat().st_mtime)
    return found[-1].name if found else None
