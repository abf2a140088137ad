"""A hostile training script, run again by a real server as a job: nothing of it succeeds."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from northstar.names import ProjectRef
from northstar.pipeline.jobs.client import JobClient
from northstar.pipeline.jobs.domain import JobRequest
from tests.embedded import processes_mentioning, wait_until
from tests.isolation.attack import ATTACK
from tests.isolation.machine import Machine
from tests.projects import returns_data
from tests.replicas import Replicas

PROJECT = ProjectRef("fashion", "returns")
SECRET = "of-the-platform"
SCRIPT = """
import subprocess
import time

def servers():
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"northstar\\0server" in (process / "cmdline").read_bytes():
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

(server,) = servers()
job = os.getuid() != 0
report = {"uid": os.getuid(), "files": on_files(FILES)}
if job:
    report["server"] = on_process(server)
    report["above"] = [trying(lambda: open(f"/proc/{pid}/environ")) for pid in ancestors()]
report["told"] = [name for name, value in os.environ.items() if SECRET in value]
report["sudo"] = trying(lambda: os.setuid(0))
report["descriptors"] = [d for d in os.listdir("/proc/self/fd") if int(d) > 2]
if job:
    leave_a_daemon()
print("REPORT", json.dumps(report), flush=True)

# The run's own, legal work.
import mlflow
import pandas as pd
from azure.identity import ManagedIdentityCredential
from sklearn.ensemble import RandomForestClassifier

with ManagedIdentityCredential() as credential:
    token = credential.get_token("api://northstar/.default")
os.environ["MLFLOW_TRACKING_TOKEN"] = token.token
os.environ.pop("MLFLOW_TRACKING_AUTH", None)
orders = pd.read_csv(sys.argv[1])
with mlflow.start_run():
    mlflow.set_tag("uid", str(os.getuid()))
    model = RandomForestClassifier(n_estimators=60, max_depth=8, random_state=0)
    model.fit(orders[["price", "size"]], orders["returned"])
    mlflow.sklearn.log_model(model, name="model", serialization_format="cloudpickle")
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
        NORTHSTAR_JOB_UIDS="23000-23999",
        NORTHSTAR_WORK=str(machine.work),
        IDENTITY_ENDPOINT="http://127.0.0.1:9/azure",
        IDENTITY_HEADER=f"{SECRET}-azure",
        WAREHOUSE_PASSWORD=f"{SECRET}-warehouse",
    )
    yield server
    server.stop()


@pytest.fixture(scope="module")
def reports(server: Replicas, machine: Machine) -> dict[str, Any]:
    """What the script found where a person ran it, here as root, and where the platform did."""
    server.start(1)
    server.json("squad", "create", "fashion")
    server.json("project", "create", "fashion/returns")
    folder = _project(server, machine)
    version = server.json("run", "-C", str(folder))["version"]
    by_hand = (folder / ".northstar").rglob("train.log")
    jobs = JobClient(server.connection)
    asked = jobs.create(PROJECT, JobRequest(version=version))
    wait_until(lambda: jobs.get(PROJECT, asked.id)[0].ended_at, "the job to end", server.log)
    job, log = jobs.get(PROJECT, asked.id)
    assert job.state == "succeeded", (job, log)
    return {"person": _report(next(by_hand).read_text()), "job": _report(log), "ended": job}


def test_a_script_reaches_nothing_of_the_platform(reports: dict[str, Any]) -> None:
    tried = reports["job"]["server"] | reports["job"]["files"]
    assert len(tried) > 15
    assert set(tried.values()) == {"PermissionError"}, tried


def test_root_would_have_reached_all_of_it(reports: dict[str, Any]) -> None:
    """The attacks are real: they do succeed where nothing stands against them."""
    tried = reports["person"]["files"]
    there = ("state", "encryption.key", "northstar.db", "mlflow.db", "work")
    files = {name: found for name, found in tried.items() if name.endswith(there)}
    assert len(files) == len(there)
    assert {found[:3] for found in files.values()} == {"got"}, tried


def test_a_script_is_told_no_secret_and_can_ask_nobody_above_it(reports: dict[str, Any]) -> None:
    job = reports["job"]
    assert 23000 <= job["uid"] < 24000
    assert (job["told"], job["descriptors"]) == ([], ["3"])  # 3 is the listing itself
    guardian, *above = job["above"]  # which holds what the script was told, and no more
    assert guardian.startswith("got")
    assert len(above) >= 2
    assert set(above) == {"PermissionError"}
    assert job["sudo"] == "PermissionError"


def test_what_it_left_running_is_gone_with_the_job(reports: dict[str, Any]) -> None:
    assert reports["job"]
    assert processes_mentioning("left-behind") == []


def test_its_own_work_was_done_all_the_same(server: Replicas, reports: dict[str, Any]) -> None:
    assert reports["ended"].new_version == 2
    issued = server.json("audit", "list", "--action", "token:issue")
    assert "managed:run/fashion/returns" in {entry["principal"] for entry in issued}


def test_the_platform_says_that_jobs_are_isolated(
    server: Replicas, reports: dict[str, Any]
) -> None:
    assert reports
    url = server.connection.url
    assert httpx2.get(f"{url}/readyz", trust_env=False).json()["jobs"] == "isolated"


def _project(server: Replicas, machine: Machine) -> Path:
    folder = machine.folder / "returns"
    folder.mkdir()
    returns_data(800).to_csv(folder / "orders.csv", index=False)
    state = machine.folder / "state"
    kept = ("encryption.key", "northstar.db", "mlflow.db", "models", "captures", "mlflow-artifacts")
    targets = [state, *(state / name for name in kept), machine.work]
    targets += [machine.work / name for name in ("users.json", "homes", "jobs", "jobs/fashion")]
    files = [str(target) for target in targets]
    script = f"FILES = {files!r}\nSECRET = {SECRET!r}\n{ATTACK}{SCRIPT}"
    (folder / "train.py").write_text(script)
    (folder / "northstar.yaml").write_text(textwrap.dedent(SPEC))
    return folder


def _report(log: str) -> Any:
    (found,) = re.findall(r"REPORT (.*)", log)
    return json.loads(found)
