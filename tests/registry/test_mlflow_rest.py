from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from northstar.digest import folder_digest
from northstar.errors import Denied, NotFound, Unauthenticated, Unavailable
from northstar.names import ProjectRef
from northstar.registry.errors import WrongModel
from northstar.registry.mlflow_rest import MlflowRest

PROJECT = ProjectRef("operations", "late-arrival")
SERVER = Path(__file__).parents[1] / "access" / "mlflow_server.py"
CLIENT = """
import sys, mlflow
from mlflow.pyfunc import PythonModel
class Doubles(PythonModel):
    def predict(self, context, model_input, params=None): return model_input * 2
mlflow.set_workspace("operations")
mlflow.set_experiment("late-arrival")
with mlflow.start_run() as run:
    info = mlflow.pyfunc.log_model(name="model", python_model=Doubles(), pip_requirements=[])
    mlflow.log_text("the source", "northstar/source.txt")
    mlflow.log_text("kept by hand", "byhand/MLmodel")
with mlflow.start_run() as other: pass
print(run.info.run_id, info.model_id, other.info.run_id)
"""


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """MLflow behind the platform's door: its address, and tokens by name."""
    folder = tmp_path_factory.mktemp("mlflow")
    command = [sys.executable, str(SERVER), str(folder)]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as server,
    ):
        assert server.stdout is not None
        try:
            known: dict[str, str] = json.loads(server.stdout.readline())
            _make_workspace(known, server)
            yield known
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture(scope="module")
def logged(door: dict[str, str]) -> tuple[str, str, str]:
    """A run with a model, that model, and a run without one, by the unmodified client."""
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": door["url"],
        "MLFLOW_TRACKING_TOKEN": door["anna"],
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    done = subprocess.run(
        [sys.executable, "-c", CLIENT], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    run_id, model_id, other_run_id = done.stdout.split()[-3:]
    return run_id, model_id, other_run_id


@pytest.fixture
def mlflow(door: dict[str, str]) -> Iterator[MlflowRest]:
    rest = MlflowRest(door["url"], token=lambda: door["platform"])
    yield rest
    rest.close()


def test_a_logged_model_is_found_by_either_name(
    mlflow: MlflowRest, logged: tuple[str, str, str]
) -> None:
    run_id, model_id, _ = logged
    by_run = mlflow.find_model(PROJECT, run_id, f"runs:/{run_id}/model")
    assert by_run == mlflow.find_model(PROJECT, run_id, f"models:/{model_id}")
    assert by_run.model_id == model_id


def test_its_files_come_through_the_artifact_proxy(
    mlflow: MlflowRest, logged: tuple[str, str, str], tmp_path: Path
) -> None:
    source = mlflow.find_model(PROJECT, logged[0], f"models:/{logged[1]}")
    for copy in ("one", "two"):
        (tmp_path / copy).mkdir()
        mlflow.download_model(PROJECT, source, tmp_path / copy)
    assert "python_function" in (tmp_path / "one" / "MLmodel").read_text()
    assert folder_digest(tmp_path / "one") == folder_digest(tmp_path / "two")


def test_a_model_s_version_is_made_once_and_can_be_aliased(
    mlflow: MlflowRest, logged: tuple[str, str, str]
) -> None:
    source = mlflow.find_model(PROJECT, logged[0], f"models:/{logged[1]}")
    version = mlflow.ensure_version(PROJECT, source)
    assert mlflow.ensure_version(PROJECT, source) == version
    mlflow.set_alias(PROJECT, "prod", version)
    byhand = mlflow.find_model(PROJECT, logged[0], f"runs:/{logged[0]}/byhand")
    assert mlflow.ensure_version(PROJECT, byhand) == version + 1


def test_a_run_s_artifact_is_downloaded(
    mlflow: MlflowRest, logged: tuple[str, str, str], tmp_path: Path
) -> None:
    mlflow.download_run_artifact(PROJECT, logged[0], "northstar/source.txt", tmp_path / "s")
    assert (tmp_path / "s").read_text() == "the source"
    with pytest.raises(NotFound):
        mlflow.download_run_artifact(PROJECT, logged[0], "northstar/none", tmp_path / "n")


def test_another_run_s_model_is_refused(mlflow: MlflowRest, logged: tuple[str, str, str]) -> None:
    run_id, model_id, other = logged
    with pytest.raises(WrongModel, match="logged by another run"):
        mlflow.find_model(PROJECT, other, f"models:/{model_id}")
    with pytest.raises(WrongModel, match="not a model of run"):
        mlflow.find_model(PROJECT, other, f"runs:/{run_id}/model")


def test_another_squad_s_run_is_not_found(mlflow: MlflowRest, logged: tuple[str, str, str]) -> None:
    with pytest.raises(NotFound):
        mlflow.find_model(ProjectRef("fashion", "returns"), logged[0], f"models:/{logged[1]}")


def test_whom_the_door_does_not_know_is_told_so(door: dict[str, str]) -> None:
    for token, error in (("nobody's", Unauthenticated), (door["reader"], Denied)):
        rest = MlflowRest(door["url"], token=lambda token=token: token)
        with pytest.raises(error):
            rest.set_alias(PROJECT, "prod", 1)
        rest.close()


def test_an_mlflow_that_does_not_answer_is_unavailable() -> None:
    def refuse(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    rest = MlflowRest("http://mlflow", lambda: "token", httpx2.MockTransport(refuse))
    with pytest.raises(Unavailable, match="did not answer"):
        rest.set_alias(PROJECT, "prod", 1)


def _make_workspace(known: dict[str, str], server: subprocess.Popen[str]) -> None:
    rest = MlflowRest(known["url"], token=lambda: known["platform"])
    deadline = time.monotonic() + 90
    while server.poll() is None and time.monotonic() < deadline:
        try:
            rest.ensure(PROJECT.squad)
            rest.ensure(PROJECT.squad)  # making it again changes nothing
        except Unavailable:  # MLflow is still being loaded behind the door
            time.sleep(0.2)
            continue
        rest.close()
        return
    raise AssertionError("MLflow did not start")
