"""The supervisor with real processes: `northstar serve` against a small, real control plane."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from northstar.connection import Connection, Credentials
from northstar.digest import folder_digest
from northstar.errors import Invalid, PartlyFailed, Unavailable
from northstar.isolation.interface import Program
from northstar.isolation.refused import Refused
from northstar.isolation.same_user import SameUser
from northstar.isolation.variables import of_ones_own_machine
from northstar.names import EndpointRef
from northstar.serving import store
from northstar.serving.client import EndpointClient
from northstar.serving.dataplane.spec import HttpControlPlane
from northstar.serving.dataplane.state import StateFolder, process_start
from northstar.serving.domain import EndpointStatus
from northstar.serving.store import ProcessRecord
from tests.serving.control_plane import SmallControlPlane, agents, answering
from tests.serving.endpoints import ENDPOINT, captured_rows, eventually, processes


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[SmallControlPlane]:
    plane = SmallControlPlane(tmp_path)
    yield plane
    plane.close()


def test_an_endpoint_is_started_asked_killed_and_started_again(plane: SmallControlPlane) -> None:
    supervisor = plane.supervisor()
    url = answering(plane, supervisor)
    connection = plane.connection()
    client = EndpointClient(connection)
    names = list(plane.table.columns)
    rows = [dict(zip(names, row, strict=True)) for row in plane.table.rows()[:2]]

    answer = client.predict(ENDPOINT, rows, request_id="day", user="anna")
    assert answer.predictions == plane.own[:2].tolist()
    assert answer.ids == ["day:0", "day:1"]
    with pytest.raises(Invalid, match="is not a number"):
        client.predict(ENDPOINT, [{**rows[0], "temp": "warm"}])

    (agent,) = agents(plane)
    workers = processes("dataplane.worker", str(plane.folder))
    environment = Path(f"/proc/{workers[0]}/environ").read_bytes()
    assert b"NORTHSTAR_CLIENT_SECRET" not in environment
    assert _identity_of(environment) == f"managed:endpoint/{ENDPOINT}"

    os.kill(agent, signal.SIGKILL)
    eventually(lambda: agents(plane) == [])
    eventually(lambda: workers[0] not in processes("dataplane.worker", str(plane.folder)))

    def asked_again() -> bool:
        supervisor.step()
        try:
            return client.predict(ENDPOINT, rows).version == 1
        except Unavailable:
            return False

    eventually(asked_again, 40)
    assert agents(plane) != [agent]
    assert plane.service.view(ENDPOINT).url == url
    supervisor.stop_all()
    assert agents(plane) == []
    assert len(captured_rows(plane.captures)) == 4
    client.close()
    connection.close()


def test_a_new_control_plane_adopts_the_running_endpoint(plane: SmallControlPlane) -> None:
    before_restart = plane.supervisor()
    answering(plane, before_restart)
    before = agents(plane)
    after_restart = plane.supervisor()
    for _ in range(3):
        after_restart.step()
    assert agents(plane) == before

    plane.service.set_traffic(ENDPOINT, {}, [])

    def ended() -> bool:
        after_restart.step()
        return agents(plane) == []

    eventually(ended)


def test_an_endpoint_that_cannot_start_is_tried_ever_more_rarely(
    plane: SmallControlPlane,
) -> None:
    supervisor = plane.supervisor()
    state = plane.folder / "endpoints" / ENDPOINT.squad / ENDPOINT.project / ENDPOINT.environment
    state.mkdir(parents=True)
    (state / "models").write_text("a file where a folder should be")
    starts = set()
    for _ in range(3):
        supervisor.step()
        starts.update(agents(plane))
        eventually(lambda: agents(plane) == [])
    assert "FileExistsError" in supervisor.log_path(ENDPOINT).read_text()
    supervisor.step()
    assert agents(plane) == []


def test_an_endpoint_that_died_thousands_of_times_is_started_once_more(
    plane: SmallControlPlane,
) -> None:
    supervisor = plane.supervisor()
    with plane.database.begin() as connection:
        gone = ProcessRecord(2**22 + 1, 1, 0, 5_000, plane.bench.clock.now())
        store.put_process(connection, ENDPOINT, gone)
    supervisor.step()
    with plane.database.read() as connection:
        known = store.process_of(connection, ENDPOINT)
    assert known is not None
    assert (known.failures, known.pid) == (5_001, 0)
    assert known.start_at > plane.bench.clock.now()


def test_where_squads_code_must_not_run_the_endpoint_says_so(plane: SmallControlPlane) -> None:
    refused = Refused("This server does not run squads' code.", "Set NORTHSTAR_JOB_UIDS.")
    supervisor = plane.supervisor(refused)
    for _ in range(3):
        supervisor.step()
    assert agents(plane) == []
    assert "NORTHSTAR_JOB_UIDS" in plane.service.view(ENDPOINT).problem


@pytest.mark.parametrize("forged", ["pipe", "folder", "link", "somebody else"])
def test_what_an_endpoint_says_of_its_process_is_not_believed_blindly(
    plane: SmallControlPlane, forged: str
) -> None:
    """It could name any process, which would then be ended in its place, or block the reader."""
    state = plane.folder / "endpoints" / ENDPOINT.squad / ENDPOINT.project / ENDPOINT.environment
    state.mkdir(parents=True)
    told = state / "process.json"
    us = json.dumps({"pid": os.getpid(), "started": process_start(os.getpid()), "port": 1})
    match forged:
        case "pipe":
            os.mkfifo(told)
        case "folder":
            told.mkdir()
        case "link":
            (plane.folder / "elsewhere").write_text(us)
            told.symlink_to(plane.folder / "elsewhere")
        case _:
            told.write_text(us)
    supervisor = plane.supervisor(_NotTheirs("own machine", {}))
    plane.service.set_traffic(ENDPOINT, {}, [])
    supervisor.step()  # it would end what runs, and that is this test


def test_an_endpoint_of_the_platforms_user_is_replaced_once_it_can_have_its_own(
    plane: SmallControlPlane,
) -> None:
    answering(plane, plane.supervisor())
    (before,) = agents(plane)
    plane.supervisor(_NotTheirs("own machine", {})).step()
    eventually(lambda: before not in agents(plane))


def test_a_model_is_brought_though_the_keys_of_tokens_were_just_withdrawn(
    plane: SmallControlPlane, tmp_path: Path
) -> None:
    connection = Connection(Credentials(plane.url, "", *plane.secret(ENDPOINT)))
    control = HttpControlPlane(connection, ENDPOINT)
    now = plane.bench.clock.now()
    (model,) = control.sync(
        EndpointStatus(instance="a", url="http://127.0.0.1:9000", started_at=now)
    ).models
    plane.bench.access.tokens.keys.rotate("user:ada", at_once=True)
    state = StateFolder(tmp_path / "state")
    control.fetch_model(model.digest, state)
    assert [folder_digest(folder) for folder in state.models.iterdir()] == [model.digest]
    connection.close()


def test_what_is_just_being_started_is_ended_with_the_others(plane: SmallControlPlane) -> None:
    slow = _Slow("own machine", of_ones_own_machine(os.environ))
    supervisor = plane.supervisor(slow)
    with ThreadPoolExecutor(2) as threads:
        step = threads.submit(supervisor.step)
        assert slow.began.wait(30)
        stopped = threads.submit(supervisor.stop_all)
        slow.go_on.set()
        step.result()
        stopped.result()
    assert agents(plane) == []
    supervisor.step()  # of a loop that has not ended yet
    assert agents(plane) == []


def test_one_endpoints_trouble_keeps_no_other_waiting(
    plane: SmallControlPlane, caplog: pytest.LogCaptureFixture
) -> None:
    other = EndpointRef("operations", "another", "prod")
    plane.service.set_traffic(other, {1: 100}, [plane.record])
    supervisor = plane.supervisor(_NoRoomFor(str(min(ENDPOINT, other, key=str))))
    with caplog.at_level(logging.CRITICAL), pytest.raises(PartlyFailed, match="Not looked after"):
        supervisor.step()
    assert len(agents(plane)) == 1


class _Slow(SameUser):
    """Has started a program for a while before it says so."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.began, self.go_on = threading.Event(), threading.Event()

    def start(self, user: str, program: Program) -> subprocess.Popen[bytes]:
        started = super().start(user, program)
        self.began.set()
        assert self.go_on.wait(30)
        return started


class _NoRoomFor(SameUser):
    """Can't start the programs of one user."""

    def __init__(self, endpoint: str) -> None:
        super().__init__("own machine", of_ones_own_machine(os.environ))
        self._user = f"endpoint:{endpoint}"

    def start(self, user: str, program: Program) -> subprocess.Popen[bytes]:
        if user == self._user:
            raise OSError("no room")
        return super().start(user, program)


class _NotTheirs(SameUser):
    """As where endpoints have users of their own: another user's process is none of theirs."""

    def runs(self, user: str, pid: int) -> bool:
        return False


def _identity_of(environment: bytes) -> str:
    """Who the managed identity of a process is, asked as that process would."""
    known = dict(line.split("=", 1) for line in environment.decode().split("\0") if "=" in line)
    answer = httpx2.get(
        known["IDENTITY_ENDPOINT"],
        params={"api-version": "2019-08-01", "resource": "api://northstar"},
        headers={"X-IDENTITY-HEADER": known["IDENTITY_HEADER"]},
        trust_env=False,
    )
    return str(answer.json()["client_id"])
