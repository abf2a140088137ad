"""Training in its own process: both forms of the contract, and every way to leave no model."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from northstar.connection import Connection
from northstar.names import ProjectRef
from northstar.pipeline.data import load_data
from northstar.pipeline.domain import RunRequest, TrainFacts
from northstar.pipeline.errors import ModelUnusable, ScriptFailed
from northstar.pipeline.run_folder import RunFolder
from northstar.pipeline.scoring import Scored, score_model
from northstar.pipeline.source import find_origin
from northstar.pipeline.split import split_data
from northstar.pipeline.tracking import Tracking
from northstar.pipeline.training import train_model
from tests.pipeline.builders import new_run, quiet, write_project


class Bench:
    """A project whose data is loaded and split, ready to train."""

    def __init__(self, project: Path, tracking: Tracking) -> None:
        self.project = project
        self.tracking = tracking
        self.folder = RunFolder(project)

    def train(self, code: str, train: dict[str, Any] | None = None, **changes: Any) -> TrainFacts:
        (self.project / "training.py").write_text(textwrap.dedent(code))
        section = train or {"function": "training:fit"}
        self.spec = write_project(self.project, train=section, **changes)
        self.folder = new_run(self.project)
        origin = find_origin(self.project)
        load_data(self.spec, self.project, origin, RunRequest(), self.folder, quiet)
        split_data(self.spec, self.folder)
        run = self.tracking.create_run(self.folder.name, {})
        return train_model(
            self.spec, self.project, self.folder, self.spec.train.parameters, self.tracking, run,
            quiet,
        )  # fmt: skip

    def score(self) -> Scored:
        task = self.spec.task
        labels = None if task == "regression" else ["0", "1"]
        return score_model(
            self.folder.model, "candidate", task, labels, self.project, self.folder, quiet
        )

    def described(self) -> dict[str, Any]:
        described: dict[str, Any] = yaml.safe_load((self.folder.model / "MLmodel").read_text())
        return described


@pytest.fixture
def bench(tmp_path: Path, connection: Connection) -> Iterator[Bench]:
    tracking = Tracking(connection, ProjectRef("shops", "late"), quiet)
    yield Bench(tmp_path, tracking)
    tracking.close()


LINEAR = """
    from sklearn.linear_model import LogisticRegression

    def fit(table, parameters):
        assert list(table) == ["distance", "items", "shop", "late"], list(table)
        return LogisticRegression(**parameters).fit(table[["distance", "items"]], table["late"])
"""
BOOSTED = """
    import lightgbm

    def fit(table, parameters):
        features = table.drop(columns="late").assign(shop=table["shop"].astype("category"))
        return lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(features, table["late"])
"""
BOOSTER = """
    import lightgbm

    def fit(table, parameters):
        data = lightgbm.Dataset(table[["distance", "items"]], table["late"])
        return lightgbm.train({"objective": "binary", "verbose": -1}, data, 5)
"""
OWN_LINEAR = """
    from northstar.linear import LogisticRegression

    def fit(table, parameters):
        return LogisticRegression().fit(table[["distance", "items"]], table["late"])
"""
OWN_CLASS = """
    import numpy as np

    class Threshold:
        def predict(self, table):
            return (table["distance"] > 11).to_numpy().astype(float)

    def fit(table, parameters):
        return Threshold()
"""


@pytest.mark.parametrize(
    ("code", "flavor", "columns"),
    [
        (LINEAR, "sklearn", ["distance", "items"]),
        (BOOSTED, "lightgbm", ["distance", "items", "shop"]),
        (BOOSTER, "lightgbm", ["distance", "items"]),
        (OWN_LINEAR, "northstar.linear", ["distance", "items"]),
        (OWN_CLASS, "python_function", ["distance", "items", "shop"]),
    ],
)
def test_whatever_a_function_returns_is_kept_with_its_signature(
    bench: Bench, code: str, flavor: str, columns: list[str]
) -> None:
    bench.train(code)

    scored = bench.score()

    assert flavor in bench.described()["flavors"]
    assert [column.name for column in scored.columns] == columns
    assert scored.has_signature
    assert scored.answers.shape == (200,)
    assert scored.latency_ms[0] <= scored.latency_ms[1]


AUTOLOG = """
    import sys
    import mlflow
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    mlflow.autolog()
    table = pd.read_csv(sys.argv[1])
    LogisticRegression().fit(table[["distance", "items"]], table["late"])
"""


def test_a_script_that_only_knows_autolog_runs_unmodified(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLFLOW_EXPERIMENT_ID", "MLFLOW_RUN_ID"):
        monkeypatch.setenv(name, "of-another-run")
    facts = bench.train(AUTOLOG, {"command": "python training.py {train_data}"})

    assert facts.found == "the MLflow model 'model' that the command logged"
    scored = bench.score()
    assert (scored.flavor, scored.has_signature) == ("sklearn", True)
    assert len(scored.answers) == 200


def test_a_script_may_choose_its_own_experiment_and_start_several_runs(bench: Bench) -> None:
    code = AUTOLOG.replace("mlflow.autolog()", 'mlflow.set_experiment("mine"); mlflow.autolog()')
    code += "    mlflow.start_run(); mlflow.log_metric('x', 1.0); mlflow.end_run()\n"

    facts = bench.train(code, {"command": "python training.py {train_data}"})

    assert "'model'" in facts.found


SAVED = """
    import os, pickle
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    table = pd.read_csv(os.environ["NORTHSTAR_TRAIN_DATA"])
    target = os.environ["NORTHSTAR_TARGET"]
    model = LogisticRegression().fit(table[["distance"]], table[target])
    with open(os.environ["NORTHSTAR_OUTPUT"] + "/model.pkl", "wb") as file:
        pickle.dump(model, file)
"""


def test_a_script_may_leave_a_pickle(bench: Bench) -> None:
    facts = bench.train(SAVED, {"command": "python training.py"})

    assert facts.found == "the model file output/model.pkl"
    assert [column.name for column in bench.score().columns] == ["distance"]


def test_a_command_is_given_its_parameters(bench: Bench) -> None:
    code = """
        import json, os, sys
        depth, file, output = sys.argv[1:]
        assert depth == "3" and json.load(open(file))["depth"] == 3
        import lightgbm, pandas as pd
        table = pd.read_parquet(os.environ["NORTHSTAR_TRAIN_DATA"])
        data = lightgbm.Dataset(table[["distance"]], table["late"])
        model = lightgbm.train({"objective": "binary", "verbose": -1}, data, 3)
        model.save_model(output + "/model.txt")
    """
    command = "python training.py {depth} {parameters} {output}"

    bench.train(code, {"command": command, "parameters": {"depth": 3}, "data_format": "parquet"})

    assert bench.score().flavor == "lightgbm"


def test_secrets_of_the_platform_do_not_reach_the_script(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NORTHSTAR_CLIENT_SECRET", "secret")
    code = SAVED + "    assert 'NORTHSTAR_CLIENT_SECRET' not in os.environ\n"

    bench.train(code, {"command": "python training.py"})


@pytest.mark.parametrize(
    ("code", "train", "error", "told"),
    [
        ("def fit(t, p): return t['none']", None, ScriptFailed, "KeyError: 'none'"),
        (
            "def fit(t, p): return None",
            None,
            ScriptFailed,
            "returned nothing, which has no predict",
        ),
        ("def fit(t, p): return 5", None, ScriptFailed, "returned a builtins.int"),
        ("def other(): pass", None, ScriptFailed, "has no function 'fit'"),
        ("import os; os.abort()", None, ScriptFailed, "was killed by SIGABRT"),
        (
            "import time; time.sleep(60)",
            {"command": "python training.py", "timeout_seconds": 0.5},
            ScriptFailed,
            "took longer than timeout_seconds, 0.5",
        ),
        ("raise SystemExit(3)", {"command": "python training.py"}, ScriptFailed, "exit code 3"),
        ("", {"command": "python training.py"}, ModelUnusable, "left no model"),
        ("", {"command": "no-such-program"}, ScriptFailed, "could not be started"),
        (
            "import os; open(os.environ['NORTHSTAR_OUTPUT'] + '/model.pkl', 'w').write('x')",
            {"command": "python training.py"},
            ModelUnusable,
            "model.pkl can't be loaded",
        ),
        (
            "import os\nfor n in 'ab': open(f'{os.environ[\"NORTHSTAR_OUTPUT\"]}/{n}.pkl', 'w')",
            {"command": "python training.py"},
            ModelUnusable,
            "left 2 files that may be the model: a.pkl, b.pkl",
        ),
    ],
)
def test_training_that_fails_is_told_in_one_message(
    bench: Bench, code: str, train: dict[str, Any] | None, error: type[Exception], told: str
) -> None:
    with pytest.raises(error) as caught:
        bench.train(code, train)

    assert told in str(caught.value)
    assert not bench.folder.model.exists()


RETURNS = """
    import numpy as np

    class Strange:
        def predict(self, table):
            {body}

    def fit(table, parameters):
        return Strange()
"""


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return np.ones((len(table), 7))", "shape (200, 7)"),
        ("return np.ones(3)", "shape (3,)"),
        ("return np.full(len(table), np.nan)", "200 of 200 rows with something that is no number"),
        ("raise KeyError('shop')", "KeyError: 'shop'"),
        ("import os; os._exit(9)", "ended with exit code 9"),
    ],
)
def test_a_model_with_unusable_answers_is_told(bench: Bench, body: str, told: str) -> None:
    bench.train(RETURNS.format(body=body))

    with pytest.raises(ModelUnusable) as caught:
        bench.score()

    assert told in caught.value.message


def test_a_model_for_another_task_is_told(bench: Bench) -> None:
    bench.train(LINEAR.replace("LogisticRegression", "LinearRegression"))

    with pytest.raises(ModelUnusable, match="made for regression, but northstar"):
        bench.score()


def test_a_model_that_wants_other_columns_is_told(bench: Bench) -> None:
    code = LINEAR.replace(
        'table[["distance", "items"]]', 'table[["distance"]].rename(columns=str.upper)'
    )

    bench.train(code)

    with pytest.raises(ModelUnusable, match="DISTANCE"):
        bench.score()
