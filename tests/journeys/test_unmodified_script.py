"""A script that was never meant for Northstar goes the whole way to an endpoint."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.embedded import Embedded, wait_until
from tests.projects import returns_data

SCRIPT = """
    import sys

    import mlflow
    import pandas as pd
    from sklearn.ensemble import RandomForestClassifier

    mlflow.autolog()
    orders = pd.read_csv(sys.argv[1])
    RandomForestClassifier(n_estimators=60, max_depth=8, random_state=0).fit(
        orders[["price", "size"]], orders["returned"]
    )
"""

ROW = {"price": 120.0, "size": 46}


@pytest.fixture(scope="module")
def project(embedded: Embedded) -> Path:
    folder = embedded.folder / "returns"
    folder.mkdir()
    returns_data().to_csv(folder / "orders.csv", index=False)
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


def test_it_is_registered_gated_released_and_answers(embedded: Embedded, project: Path) -> None:
    version = embedded.json("run", "-C", str(project))["version"]
    shown = embedded.json("version", "show", "fashion/returns", str(version))
    assert {column["name"] for column in shown["columns"]} == {"price", "size"}
    gate = embedded.run("gate", "fashion/returns", str(version), "--environment", "staging")
    assert gate.returncode == 0, gate.stdout
    assert embedded.json("release", "propose", "fashion/returns/dev", str(version))
    wait_until(lambda: _answers(embedded), "the endpoint to answer", embedded.log)


def test_what_autolog_saw_is_in_mlflow(embedded: Embedded, project: Path) -> None:
    run = embedded.json("run", "-C", str(project))["mlflow_run"]
    runs = _runs_in_mlflow(embedded)
    assert runs[run]["info"]["status"] == "FINISHED"
    logged = {
        parameter["key"] for one in runs.values() for parameter in one["data"].get("params", [])
    }
    assert {"n_estimators", "max_depth"} <= logged


def _runs_in_mlflow(embedded: Embedded) -> dict[str, Any]:
    found = _mlflow(embedded, "experiments/search", {"max_results": 100})
    experiments = [one["experiment_id"] for one in found["experiments"]]
    runs = _mlflow(embedded, "runs/search", {"experiment_ids": experiments})["runs"]
    return {run["info"]["run_id"]: run for run in runs}


def _mlflow(embedded: Embedded, what: str, body: dict[str, Any]) -> Any:
    path, headers = f"/mlflow/api/2.0/mlflow/{what}", {"X-MLFLOW-WORKSPACE": "fashion"}
    return embedded.connection.request("POST", path, json=body, headers=headers)


def _answers(embedded: Embedded) -> bool:
    rows = embedded.folder / "rows.json"
    rows.write_text(json.dumps([ROW]))
    done = embedded.run("endpoint", "invoke", "fashion/returns/dev", str(rows), "--json")
    return done.returncode == 0 and "prediction" in done.stdout
