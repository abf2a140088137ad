"""Whole runs against a real control plane, killed and resumed; and the command that starts them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from northstar.clock import SystemClock
from northstar.connection import Connection, Credentials
from northstar.errors import NotFound
from northstar.names import ProjectRef
from northstar.pipeline.domain import STEPS, RunRequest
from northstar.pipeline.errors import NotResumable, ScriptFailed
from northstar.pipeline.run import Pipeline, RunResult
from northstar.pipeline.run_folder import RunFolder
from northstar.registry.client import RegistryClient
from tests.pipeline.builders import new_run, orders, quiet, write_project

REF = ProjectRef("shops", "late")
TRAINING = """
from northstar.linear import LogisticRegression

def fit(table, parameters):
    columns = parameters.get("columns", ["distance", "items"])
    return LogisticRegression().fit(table[columns], table["late"])
"""
KILLED = """
import os, signal, sys
from pathlib import Path
from northstar.clock import SystemClock
from northstar.connection import Connection, Credentials
from northstar.pipeline.domain import RunRequest
from northstar.pipeline.run import Pipeline

class Killed(Pipeline):
    def _take(self, step, *rest):
        taken = super()._take(step, *rest)
        if step == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGKILL)  # the work is done, but not yet recorded
        return taken

connection = Connection(Credentials(sys.argv[2], token=sys.argv[3]))
Killed(Path(sys.argv[4]), connection, SystemClock(), print, print).start(RunRequest())
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "training.py").write_text(TRAINING)
    write_project(tmp_path, orders(1000))
    return tmp_path


def pipeline(project: Path, connection: Connection) -> Pipeline:
    return Pipeline(project, connection, SystemClock(), quiet, quiet)


def latest_run(project: Path) -> str:
    return max(path.name for path in (project / ".northstar" / "runs").iterdir())


def mlflow_run(connection: Connection, result: RunResult) -> dict[str, Any]:
    path = f"/mlflow/api/2.0/mlflow/runs/get?run_id={result.mlflow_run}"
    run = connection.request("GET", path, headers={"X-MLFLOW-WORKSPACE": "shops"})["run"]
    return dict(run)


def versions_of(connection: Connection, run: str) -> list[int]:
    return [v.version for v in RegistryClient(connection).versions(REF) if v.run_id == run]


def test_a_run_registers_a_version_with_all_that_is_known_of_it(
    project: Path, connection: Connection
) -> None:
    result = pipeline(project, connection).start(RunRequest(parameters={"columns": ["distance"]}))

    record = RegistryClient(connection).version(REF, result.version)
    evidence, lineage = record.evidence, record.lineage
    assert record.flavor == "northstar.linear"
    assert [column.name for column in record.columns] == ["distance"]
    assert (evidence.rows_train, evidence.rows_test) == (800, 200)
    assert evidence.metrics["roc_auc"].value > 0.8
    assert evidence.signature_present
    assert evidence.leak_suspects == []
    assert lineage.trained_by == "user:anna"
    assert lineage.parameters == {"columns": ["distance"]}
    assert lineage.data_rows == 1000
    assert record.profile["rows"] == 1000
    assert record.monitoring["window_days"] == 7
    run = mlflow_run(connection, result)
    assert run["info"]["status"] == "FINISHED"
    logged = {metric["key"]: metric["value"] for metric in run["data"]["metrics"]}
    assert logged["test_roc_auc"] == evidence.metrics["roc_auc"].value
    kept = {path.name for path in (project / ".northstar" / "runs" / result.run).iterdir()}
    assert {"model", "logs", "source.tar.gz"} <= kept
    assert not {"data.parquet", "train"} & kept


def test_a_run_is_compared_with_the_live_version_on_the_same_rows(
    project: Path, connection: Connection
) -> None:
    weak = pipeline(project, connection).start(RunRequest(parameters={"columns": ["items"]}))
    httpx2.post(f"{connection.url}/live/{weak.version}", trust_env=False).raise_for_status()

    strong = pipeline(project, connection).start(RunRequest())

    evidence = strong.registration.evidence
    assert evidence.live_version == weak.version
    assert evidence.live_difference is not None
    assert evidence.live_difference.low is not None
    assert evidence.live_difference.low > 0.2


@pytest.mark.parametrize("step", STEPS)
def test_a_run_killed_in_any_step_registers_one_version_when_resumed(
    project: Path, platform: Credentials, connection: Connection, step: str
) -> None:
    arguments = [step, platform.url, platform.token, str(project)]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], capture_output=True, timeout=120
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    run = latest_run(project)
    stopped = RunFolder.find(project, run).load()
    assert stopped.next_step == step
    before = versions_of(connection, stopped.mlflow_run)
    assert len(before) == (step == "register")

    result = pipeline(project, connection).resume(run)
    again = pipeline(project, connection).resume(run)

    assert versions_of(connection, stopped.mlflow_run) == [result.version] == [again.version]
    assert mlflow_run(connection, result)["info"]["status"] == "FINISHED"


def test_a_failed_script_fails_the_run_and_leaves_its_log(
    project: Path, connection: Connection
) -> None:
    (project / "training.py").write_text("def fit(t, p):\n    raise ValueError('not today')")

    with pytest.raises(ScriptFailed, match="not today"):
        pipeline(project, connection).start(RunRequest())

    folder = RunFolder.find(project, latest_run(project))
    assert "ValueError: not today" in folder.log("train").read_text()
    assert versions_of(connection, folder.load().mlflow_run) == []


def test_code_that_changed_is_not_trained_under_an_old_run(
    project: Path, connection: Connection
) -> None:
    (project / "training.py").write_text("raise SystemExit(1)")
    with pytest.raises(ScriptFailed):
        pipeline(project, connection).start(RunRequest())
    (project / "training.py").write_text(TRAINING)

    with pytest.raises(NotResumable, match="files have changed"):
        pipeline(project, connection).resume(latest_run(project))


def test_two_processes_do_not_carry_out_one_run(project: Path, connection: Connection) -> None:
    folder = new_run(project)

    with folder.locked(), pytest.raises(NotResumable, match="Another process"):
        pipeline(project, connection).resume(folder.name)


def test_an_unknown_run_and_an_unknown_project_are_told(
    project: Path, connection: Connection
) -> None:
    with pytest.raises(NotFound, match="has no run 'x'"):
        pipeline(project, connection).resume("x")
    write_project(project, project="unheard-of")
    with pytest.raises(NotFound, match="no project shops/unheard-of"):
        pipeline(project, connection).start(RunRequest())


class Shell:
    """The command as a person calls it."""

    def __init__(self, platform: Credentials, folder: Path) -> None:
        self._environment = {
            "NORTHSTAR_URL": platform.url,
            "NORTHSTAR_TOKEN": platform.token,
            "HOME": str(folder),
        }

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "northstar", "run", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.fixture
def shell(platform: Credentials, tmp_path: Path) -> Shell:
    return Shell(platform, tmp_path)


def test_the_command_prints_the_version_and_the_way_on(shell: Shell, project: Path) -> None:
    done = shell(
        "-C", str(project), "--json", "--from", "2026-01-03", "--parameter", "columns=[items]"
    )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["version"] >= 1
    assert told["lineage"]["parameters"] == {"columns": ["items"]}
    assert told["lineage"]["data_start"] == "2026-01-03T00:00:00Z"
    assert [line.split()[0] for line in done.stderr.splitlines() if line[:1].islower()] == [*STEPS]


def test_the_command_tells_errors_to_people_and_machines(shell: Shell, project: Path) -> None:
    text = (project / "northstar.yaml").read_text().replace("task: binary", "task: binry")
    (project / "northstar.yaml").write_text(text)

    done = shell("-C", str(project), "--json")

    assert done.returncode == 2
    assert "northstar.yaml:7: task: must be" in done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "invalid"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--from", "yesterday"),
        ("--from", "2026-02-01", "--until", "2026-01-01"),
        ("--parameter", "depth"),
        ("--resume", "x", "--from", "2026-01-01"),
    ],
)
def test_wrong_options_are_refused_at_once(
    shell: Shell, project: Path, arguments: tuple[str, ...]
) -> None:
    done = shell("-C", str(project), *arguments)

    assert done.returncode == 2, done.stderr
    assert not (project / ".northstar").exists()
