"""A training script that knows Azure and MLflow, and nothing of Northstar, has an identity."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.embedded import Embedded, processes_mentioning, wait_until
from tests.projects import returns_data

SCRIPT = """
    import json, os, sys

    import mlflow
    import pandas as pd
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
    from sklearn.ensemble import RandomForestClassifier

    seen = {}
    for kind in (ManagedIdentityCredential, DefaultAzureCredential):
        with kind() as credential:
            token = credential.get_token("api://northstar/.default")
            seen[kind.__name__] = token.expires_on

    # What the platform put there ended long ago, say: the managed identity's token does as well.
    os.environ["MLFLOW_TRACKING_TOKEN"] = token.token
    os.environ.pop("MLFLOW_TRACKING_AUTH", None)
    orders = pd.read_csv(sys.argv[1])
    with mlflow.start_run():
        mlflow.log_dict(seen, "seen.json")
        mlflow.set_tag("credential", "managed identity")
        model = RandomForestClassifier(n_estimators=60, max_depth=8, random_state=0)
        model.fit(orders[["price", "size"]], orders["returned"])
        mlflow.sklearn.log_model(model, name="model", serialization_format="cloudpickle")
    left = sorted(name for name in os.environ if name.startswith("NORTHSTAR_"))
    print("northstar variables:", left)
"""


@pytest.fixture(scope="module")
def project(embedded: Embedded) -> Path:
    folder = embedded.folder / "returns"
    folder.mkdir()
    returns_data(800).to_csv(folder / "orders.csv", index=False)
    (folder / "train.py").write_text(textwrap.dedent(SCRIPT))
    (folder / "northstar.yaml").write_text(
        textwrap.dedent(
            """\
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
        )
    )
    assert embedded.run("squad", "create", "fashion").returncode == 0
    assert embedded.run("project", "create", "fashion/returns").returncode == 0
    return folder


def test_a_run_and_a_job_log_to_mlflow_as_their_managed_identity(
    embedded: Embedded, project: Path
) -> None:
    version = embedded.json("run", "-C", str(project))["version"]
    assert len(_tagged(embedded)) == 1
    started = embedded.run("job", "start", "fashion/returns", "--version", str(version))
    assert started.returncode == 0, started.stderr
    job = wait_until(lambda: _ended(embedded), "the job to end", embedded.log)
    assert job["state"] == "succeeded", job
    assert len(_tagged(embedded)) == 2
    tokens = embedded.json("audit", "list", "--action", "token:issue")
    assert "managed:run/fashion/returns" in {entry["principal"] for entry in tokens}


PLUGIN_SCRIPT = """
    import mlflow

    with mlflow.start_run():
        mlflow.log_metric("renewed", 1.0)
"""


def test_mlflows_client_goes_on_when_its_first_token_has_ended(
    embedded: Embedded, project: Path, tmp_path: Path
) -> None:
    _install_plugin(tmp_path)
    (project / "train.py").write_text(
        textwrap.dedent("import os\nos.environ['MLFLOW_TRACKING_TOKEN'] = 'ended'\n")
        + textwrap.dedent(PLUGIN_SCRIPT)
        + textwrap.dedent(SCRIPT)
    )
    done = embedded.run("run", "-C", str(project), PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert len([run for run in _runs(embedded) if "renewed" in str(run["data"])]) == 1


SECRETS = {
    "a client's secret": rb"nss_[A-Za-z0-9_-]{40}",
    "a token": rb"eyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{40}",
    "a private key": rb'"d": ?"[A-Za-z0-9_-]{40}|BEGIN [A-Z ]*PRIVATE KEY',
    "a sign-in code": rb"code=[A-Za-z0-9_-]{40}",
}


def test_no_secret_is_left_in_files_logs_databases_or_process_lists(
    embedded: Embedded, project: Path
) -> None:
    """After runs, a job, and everything that people get wrong with secrets."""
    made = embedded.json("principal", "create", "service:ci")
    secret = made["client_secret"]
    for arguments, environment in (
        (("principal", "secret", secret), {}),
        (("whoami",), {"NORTHSTAR_CLIENT_ID": secret, "NORTHSTAR_CLIENT_SECRET": "service:ci"}),
        (("whoami",), {"NORTHSTAR_CLIENT_ID": "service:ci", "NORTHSTAR_CLIENT_SECRET": secret}),
        (("whoami",), {"NORTHSTAR_TOKEN": embedded.connection.token()[:-4] + "AAAA"}),
        (("token",), {}),
        (("login", "--link"), {}),
    ):
        where = {"NORTHSTAR_URL": embedded.url} if environment else {}
        done = embedded.run(*arguments, **where, **environment)
        assert secret not in done.stderr.replace(f"{secret!r}", ""), done.stderr
    places = [file for file in embedded.state.rglob("*") if file.is_file()]
    places += [file for file in project.rglob("*") if file.is_file()]
    kept_on_purpose = {embedded.state / "connection.json"}
    assert all(re.search(SECRETS["a client's secret"], f.read_bytes()) for f in kept_on_purpose)
    found = [
        (str(file.relative_to(embedded.folder)), what)
        for file in places
        if file not in kept_on_purpose
        for what, pattern in SECRETS.items()
        if re.search(pattern, file.read_bytes())
    ]
    assert found == []
    for process in processes_mentioning(str(embedded.state)):
        command = Path(f"/proc/{process}/cmdline").read_bytes()
        assert not any(re.search(pattern, command) for pattern in SECRETS.values()), command


def _install_plugin(folder: Path) -> None:
    """As an installation of Northstar does it."""
    metadata = folder / "northstar_plugin-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: northstar-plugin\nVersion: 1\n"
    )
    (metadata / "entry_points.txt").write_text(
        "[mlflow.request_auth_provider]\n"
        "northstar = northstar.pipeline.mlflow_auth:ManagedIdentityAuth\n"
    )


def _ended(embedded: Embedded) -> Any:
    (job,) = embedded.json("job", "list", "fashion/returns")
    return job if job["state"] in ("succeeded", "failed") else None


def _tagged(embedded: Embedded) -> list[Any]:
    return [run for run in _runs(embedded) if "managed identity" in json.dumps(run["data"])]


def _runs(embedded: Embedded) -> list[Any]:
    path, headers = "/mlflow/api/2.0/mlflow", {"X-MLFLOW-WORKSPACE": "fashion"}
    send = embedded.connection.request
    found = send("POST", f"{path}/experiments/search", json={"max_results": 100}, headers=headers)
    query = {"experiment_ids": [one["experiment_id"] for one in found["experiments"]]}
    return list(send("POST", f"{path}/runs/search", json=query, headers=headers)["runs"])
