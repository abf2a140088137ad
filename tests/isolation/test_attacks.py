"""A hostile script that a real server runs as a job, and the hostile model that it leaves."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from northstar.errors import NotFound, Unavailable
from northstar.names import EndpointRef, ProjectRef
from northstar.pipeline.jobs.client import JobClient
from northstar.pipeline.jobs.domain import Job, JobRequest
from northstar.serving.client import EndpointClient
from tests.embedded import processes_mentioning, wait_until
from tests.isolation.attack import ATTACK
from tests.isolation.machine import Machine
from tests.projects import returns_data
from tests.replicas import Replicas
from tests.serving.endpoints import captured_rows

PROJECT = ProjectRef("fashion", "returns")
ENDPOINT = EndpointRef("fashion", "returns", "dev")
SECRET = "of-the-platform"
STRIKE = """
import subprocess
import time

def servers():
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"server\\0--port\\0{PORT}" in (process / "cmdline").read_text():
                yield int(process.name)
        except OSError:
            pass

def ancestors():
    pid = os.getppid()
    while pid > 1:
        yield pid
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

LEFT_BEHIND = "import signal, time; signal.signal(15, 1); time.sleep(600)"

def leave_a_daemon():
    subprocess.Popen([sys.executable, "-c", LEFT_BEHIND, "left-behind"], start_new_session=True)

def strike(who):
    (server,) = servers()
    report = {"uid": os.getuid(), "files": on_files(FILES)}
    report["told"] = [name for name, value in os.environ.items() if SECRET in value]
    if os.getuid() != 0:
        report["server"] = on_process(server)
        report["above"] = [trying(lambda: open(f"/proc/{pid}/environ")) for pid in ancestors()]
        report["sudo"] = trying(lambda: os.setuid(0))
        leave_a_daemon()
    print("REPORT", who, json.dumps(report), flush=True)

strike(who)
"""
SCRIPT = """
import os
import sys

exec(STRIKE, {"who": "script"})

# The run's own, legal work.
import mlflow
import pandas as pd
from azure.identity import ManagedIdentityCredential
from sklearn.ensemble import RandomForestClassifier

class Forest(RandomForestClassifier):
    # Its pickle strikes wherever somebody loads it.
    def __setstate__(self, state):
        super().__setstate__(state)
        exec(STRIKE, {"who": "model"})

with ManagedIdentityCredential() as credential:
    token = credential.get_token("api://northstar/.default")
os.environ["MLFLOW_TRACKING_TOKEN"] = token.token
os.environ.pop("MLFLOW_TRACKING_AUTH", None)
orders = pd.read_csv(sys.argv[1])
with mlflow.start_run():
    model = Forest(n_estimators=60, max_depth=8, random_state=0)
    columns = orders[["price", "size"]]
    model.fit(columns, orders["returned"])
    mlflow.sklearn.log_model(
        model,
        name="model",
        serialization_format="cloudpickle",
        pip_requirements=["scikit-learn"],
        signature=mlflow.models.infer_signature(columns),
    )
"""
SPEC = """
    squad: fashion
    project: returns
    task: binary
    target: returned
    data:
      path: orders.csv
      time_column: ordered_at
    features:
      include: [price, size]
    train:
      command: python train.py {train_data}
"""


@pytest.fixture(scope="module")
def server(machine: Machine) -> Iterator[Replicas]:
    """One replica that has users for squads' code, and secrets of its own."""
    server = Replicas(
        machine.folder,
        f"sqlite:///{machine.folder}/state/northstar.db",
        f"sqlite:///{machine.folder}/state/mlflow.db",
        prefix=machine.prefix,
        NORTHSTAR_JOBS="",
        NORTHSTAR_JOB_UIDS="24000-24999",
        NORTHSTAR_WORK=str(machine.work),
        IDENTITY_ENDPOINT="http://127.0.0.1:9/azure",
        IDENTITY_HEADER=f"{SECRET}-azure",
        WAREHOUSE_PASSWORD=f"{SECRET}-warehouse",
    )
    yield server
    server.stop()


@pytest.fixture(scope="module")
def by_hand(server: Replicas, machine: Machine) -> Any:
    """What the script found where a person ran it, who is root here."""
    server.start(1)
    server.json("squad", "create", "fashion")
    server.json("project", "create", "fashion/returns")
    folder = _project(server, machine)
    assert server.json("run", "-C", str(folder))["version"] == 1
    (log,) = (folder / ".northstar").rglob("train.log")
    return _report("script", log.read_text())


@pytest.fixture(scope="module")
def job(server: Replicas, by_hand: Any) -> tuple[Any, Job]:
    """What it found where the platform ran it, and the job."""
    jobs = JobClient(server.connection)
    asked = jobs.create(PROJECT, JobRequest(version=1))
    wait_until(lambda: jobs.get(PROJECT, asked.id)[0].ended_at, "the job to end", server.log)
    ended, log = jobs.get(PROJECT, asked.id)
    assert ended.state == "succeeded", (ended, log)
    return _report("script", log), ended


@pytest.fixture(scope="module")
def endpoint(server: Replicas, machine: Machine, job: Any) -> Any:
    """What the model found where an endpoint loaded it; the endpoint has answered then."""
    server.json("release", "propose", str(ENDPOINT), "2")
    client = EndpointClient(server.connection)

    def answered() -> bool:
        with suppress(NotFound, Unavailable):  # the release has not got there yet
            return client.predict(ENDPOINT, [{"price": 40.0, "size": 45}]).version == 2
        return False

    wait_until(answered, "the endpoint to answer", server.log)
    client.close()
    return _report("model", (machine.work / "endpoints" / f"{ENDPOINT}.log").read_text())


def test_a_script_reaches_nothing_of_the_platform(job: tuple[Any, Job]) -> None:
    report, _ = job
    _check_denied(report)
    guardian, *above = report["above"]  # which holds what the script was told, and no more
    assert guardian.startswith("got")
    assert len(above) >= 2
    assert set(above) == {"PermissionError"}


def test_root_would_have_reached_all_of_it(by_hand: Any) -> None:
    """The attacks are real: they do succeed where nothing stands against them."""
    tried = by_hand["files"]
    there = ("state", "encryption.key", "northstar.db", "mlflow.db", "work")
    files = {name: found for name, found in tried.items() if name.endswith(there)}
    assert len(files) == len(there)
    assert {found[:3] for found in files.values()} == {"got"}, tried


def test_what_a_job_left_running_is_gone_with_it(job: tuple[Any, Job]) -> None:
    report, _ = job
    assert report["server"]
    assert [pid for pid in processes_mentioning("left-behind") if _user(pid) == report["uid"]] == []


def test_its_own_work_was_done_all_the_same(server: Replicas, job: tuple[Any, Job]) -> None:
    _, ended = job
    assert ended.new_version == 2
    issued = server.json("audit", "list", "--action", "token:issue")
    assert "managed:run/fashion/returns" in {entry["principal"] for entry in issued}


def test_a_model_reaches_nothing_of_the_platform_nor_of_a_job(
    endpoint: Any, job: tuple[Any, Job]
) -> None:
    _check_denied(endpoint)
    assert endpoint["uid"] != job[0]["uid"]
    assert set(endpoint["above"]) == {"PermissionError"}  # nor the agent, which has its user


def test_captures_of_an_endpoint_that_is_kept_apart_get_to_the_monitor(
    endpoint: Any, machine: Machine
) -> None:
    assert endpoint
    captures = machine.folder / "state" / "captures"
    rows = wait_until(lambda: captured_rows(captures), "captures to be collected")
    assert rows[0]["f.price"] == 40.0


def test_the_platform_says_that_squads_code_is_isolated(server: Replicas, by_hand: Any) -> None:
    assert by_hand
    url = server.connection.url
    assert httpx2.get(f"{url}/readyz", trust_env=False).json()["jobs"] == "isolated"


def _check_denied(report: Any) -> None:
    assert 24000 <= report["uid"] < 25000
    assert report["told"] == []
    tried = {**report["server"], **report["files"], "sudo": report["sudo"]}
    assert len(tried) > 15
    assert set(tried.values()) == {"PermissionError"}, tried


def _project(server: Replicas, machine: Machine) -> Path:
    folder = machine.folder / "returns"
    folder.mkdir()
    returns_data().to_csv(folder / "orders.csv", index=False)
    state = machine.folder / "state"
    kept = ("encryption.key", "northstar.db", "mlflow.db", "models", "captures", "mlflow-artifacts")
    targets = [state, *(state / name for name in kept), machine.work]
    targets += [machine.work / name for name in ("users.json", "homes", "jobs", "jobs/fashion")]
    targets += [machine.work / f"jobs/fashion/returns/1/{name}" for name in ("", "log.txt")]
    files = [str(target) for target in targets]
    port = wait_until(server.leader, "the server to lead", server.log)
    strike = f"PORT = {port}\nFILES = {files!r}\nSECRET = {SECRET!r}\n{ATTACK}{STRIKE}"
    (folder / "train.py").write_text(f"STRIKE = {strike!r}\n{SCRIPT}")
    (folder / "northstar.yaml").write_text(textwrap.dedent(SPEC))
    return folder


def _report(who: str, log: str) -> Any:
    found = re.findall(rf"REPORT {who} (.*)", log)
    return json.loads(found[0])


def _user(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid
