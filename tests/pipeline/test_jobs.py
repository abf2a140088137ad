from __future__ import annotations

import os
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from northstar.clock import FakeClock
from northstar.database import Database, metadata
from northstar.errors import Conflict, NotFound, PartlyFailed, Unavailable
from northstar.isolation.same_user import SameUser
from northstar.isolation.settings import IsolationSettings, choose_isolation
from northstar.names import EnvironmentName, ProjectRef
from northstar.pipeline.jobs.domain import JobRequest
from northstar.pipeline.jobs.executor import LocalExecutor
from northstar.pipeline.jobs.service import JobService
from northstar.pipeline.jobs.store import JobStore

PROJECT = ProjectRef("operations", "late-arrival")


class Machine:
    """An executor whose processes end when the test says so."""

    def __init__(self) -> None:
        self.commands: list[Sequence[str]] = []
        self.alive = False
        self.printed: dict[str, object] | None = None

    def start(
        self, folder: Path, user: str, command: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        self.commands.append(command)
        self.alive, self.printed = True, None

    def running(self, folder: Path) -> bool:
        return self.alive

    def result(self, folder: Path) -> dict[str, object] | None:
        return self.printed

    def log(self, folder: Path, lines: int) -> str:
        return "Killed"

    def stop(self, user: str) -> None:
        self.alive = False

    def end(self, printed: dict[str, object] | None) -> None:
        self.alive, self.printed = False, printed


class Platform:
    def __init__(self, source: Path) -> None:
        self._source = source
        self.proposed: list[tuple[str, int, str]] = []
        self.refuses: Exception | None = None
        self.withdrawn = 0

    def source(self, project: ProjectRef, version: int) -> Path:
        if version != 1:
            raise NotFound(f"{project} has no version {version}.")
        return self._source

    def environment(self, project: ProjectRef, started_by: str) -> dict[str, str]:
        return {}

    def withdraw(self, project: ProjectRef) -> None:
        self.withdrawn += 1

    def propose(
        self,
        project: ProjectRef,
        environment: EnvironmentName,
        version: int,
        reason: str,
        asked_by: str,
    ) -> str:
        if self.refuses:
            raise self.refuses
        self.proposed.append((environment, version, asked_by))
        return "Release 7 is proposed."


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    (tmp_path / "northstar.yaml").write_text("project: late-arrival\n")
    with tarfile.open(tmp_path / "source.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "northstar.yaml", "northstar.yaml")
    return Platform(tmp_path / "source.tar.gz")


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def service(database: Database, machine: Machine, platform: Platform, tmp_path: Path) -> JobService:
    own = SameUser("own machine", {})
    return JobService(JobStore(database), machine, own, platform, tmp_path / "jobs", FakeClock())


def test_a_job_trains_and_proposes_what_came_out(
    service: JobService, machine: Machine, platform: Platform
) -> None:
    job = service.create(PROJECT, JobRequest(version=1, propose_to="prod"), "user:ada")
    service.step()
    machine.end({"version": 2})
    service.step()
    service.step()
    job = service.get(PROJECT, job.id)
    assert (job.state, job.new_version, job.message) == ("succeeded", 2, "Release 7 is proposed.")
    assert platform.proposed == [("prod", 2, "user:ada")]
    assert platform.withdrawn == 1


@pytest.mark.parametrize(
    "printed", [{"error": {}}, {"version": 10**30}, {"version": True}, {"version": "2"}]
)
def test_what_no_run_prints_is_no_result(
    service: JobService, machine: Machine, printed: dict[str, object]
) -> None:
    job = service.create(PROJECT, JobRequest(version=1), "user:ada")
    for _ in range(3):
        service.step()
        machine.end(printed)
        service.step()
    job = service.get(PROJECT, job.id)
    assert job.state == "failed"
    assert "Gave up after 3 attempts" in job.message


def test_a_job_that_cannot_be_looked_after_keeps_no_other(
    service: JobService, platform: Platform
) -> None:
    platform.refuses = RuntimeError("a defect")
    bad = service.create(PROJECT, JobRequest(version=1, propose_to="prod"), "user:ada")
    service._store.change(bad.id, state="registered", new_version=2)
    good = service.create(PROJECT, JobRequest(version=1), "user:ada")
    with pytest.raises(PartlyFailed, match=f"job {bad.id};"):
        service.step()
    assert service.get(PROJECT, good.id).state == "running"


def test_a_script_that_fails_is_not_run_again(service: JobService, machine: Machine) -> None:
    job = service.create(PROJECT, JobRequest(version=1), "user:ada")
    service.step()
    machine.end({"error": {"code": "failed", "message": "It crashed.", "hint": "See line 3."}})
    service.step()
    service.step()
    job = service.get(PROJECT, job.id)
    assert (job.state, job.message) == ("failed", "It crashed.\nSee line 3.")
    assert len(machine.commands) == 1


def test_a_killed_run_is_resumed_but_not_for_ever(
    service: JobService, machine: Machine, tmp_path: Path
) -> None:
    job = service.create(PROJECT, JobRequest(version=1), "user:ada")
    service.step()
    place = tmp_path / "jobs" / "operations" / "late-arrival" / str(job.id)
    (place / "project" / ".northstar" / "runs" / "r1").mkdir(parents=True)
    for _ in range(10):
        machine.end(None)
        service.step()
    assert service.get(PROJECT, job.id).state == "failed"
    assert [list(command)[-2:] == ["--resume", "r1"] for command in machine.commands] == [
        False,
        True,
        True,
    ]


def test_a_proposal_waits_while_the_platform_is_away(
    service: JobService, machine: Machine, platform: Platform
) -> None:
    job = service.create(PROJECT, JobRequest(version=1, propose_to="prod"), "user:ada")
    service.step()
    machine.end({"version": 2})
    platform.refuses = Unavailable("not now")
    for _ in range(3):
        service.step()
    assert service.get(PROJECT, job.id).state == "registered"
    platform.refuses = Conflict("another release is rolling out")
    service.step()
    assert "another release" in service.get(PROJECT, job.id).message


def test_a_job_without_source_says_so(service: JobService) -> None:
    job = service.create(PROJECT, JobRequest(version=9), "user:ada")
    service.step()
    assert "no version 9" in service.get(PROJECT, job.id).message


def test_where_squads_code_must_not_run_a_job_fails_and_says_what_to_do(
    database: Database, platform: Platform, tmp_path: Path
) -> None:
    refused = choose_isolation(IsolationSettings(), {})
    store, executor = JobStore(database), LocalExecutor(refused)
    service = JobService(store, executor, refused, platform, tmp_path / "jobs", FakeClock())
    job = service.create(PROJECT, JobRequest(version=1), "user:ada")
    service.step()
    job = service.get(PROJECT, job.id)
    assert job.state == "failed"
    assert "NORTHSTAR_JOB_UIDS" in job.message
    assert "NORTHSTAR_JOBS=unprotected" in job.message
    assert list((tmp_path / "jobs").rglob("northstar.yaml")) == []


def test_links_that_a_job_left_lead_to_no_run(
    service: JobService, machine: Machine, tmp_path: Path
) -> None:
    job = service.create(PROJECT, JobRequest(version=1), "user:ada")
    service.step()
    (tmp_path / "secrets" / "name").mkdir(parents=True)
    place = tmp_path / "jobs" / "operations" / "late-arrival" / str(job.id)
    (place / "project" / ".northstar").mkdir()
    (place / "project" / ".northstar" / "runs").symlink_to(tmp_path / "secrets")
    for _ in range(2):
        machine.end(None)
        service.step()
    assert len(machine.commands) == 2
    assert "--resume" not in machine.commands[1]


def test_states_that_no_job_is_in_are_counted_too(service: JobService) -> None:
    service.create(PROJECT, JobRequest(version=1), "user:anna")
    assert service.counts() == {"queued": 1, "running": 0, "registered": 0}


def test_jobs_take_turns(service: JobService, machine: Machine) -> None:
    for _ in range(2):
        service.create(PROJECT, JobRequest(version=1), "user:ada")
    service.step()
    assert [job.state for job in service.of_project(PROJECT)] == ["queued", "running"]


def test_a_process_is_known_again_after_a_restart(tmp_path: Path) -> None:
    wait = "import sys; sys.stdin = open('go'); sys.stdin.read(); print('{\"version\": 3}')"

    os.mkfifo(tmp_path / "go")
    before = LocalExecutor(SameUser("own machine", {}))
    before.start(tmp_path, "job:x/y", [sys.executable, "-c", wait], {})
    after_restart = LocalExecutor(SameUser("own machine", {}))
    assert after_restart.running(tmp_path)
    (tmp_path / "go").write_text("")
    deadline = time.monotonic() + 20
    while before.running(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not after_restart.running(tmp_path)
    assert after_restart.result(tmp_path) == {"version": 3}


def test_another_process_with_the_same_number_is_not_mistaken_for_it(tmp_path: Path) -> None:

    (tmp_path / "process.json").write_text(f'{{"pid": {os.getpid()}, "started": 1}}')
    assert not LocalExecutor(SameUser("own machine", {})).running(tmp_path)
